package stacks

import "github.com/picluster/picluster/components/tempo/chart"

// chart reads where Tempo's chart is.
func (r *reader) chart() chart.Chart {
	c := chart.Chart{
		Name:       r.text("chart", chart.DefaultName, notEmpty),
		Repository: r.optional("chartRepository", webURL),
		Version:    r.text("chartVersion", chart.DefaultVersion, chart.ValidateVersion),
	}
	r.repositoryOf("chart", c.Name, "chartRepository", c.Repository)
	if version, err := chart.FolderVersion(c.Name); err == nil && version != c.Version {
		r.problem("%s: is %q, but the chart in %s is %q. Set it: pulumi config set chartVersion %s",
			r.key("chartVersion"), c.Version, c.Name, version, version)
	}
	return c
}

// repositoryOf notes a repository that is given for a chart that needs none.
func (r *reader) repositoryOf(chartKey, name, repositoryKey, repository string) {
	if repository != "" && !chart.IsBareName(name) {
		r.problem("%s: %q is where to look for a chart's bare name, but %s is %q. Take it out: pulumi config rm %s",
			r.key(repositoryKey), repository, r.key(chartKey), name, repositoryKey)
	}
}
