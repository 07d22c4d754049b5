package stacks

import "github.com/picluster/picluster/components/tempo/chart"

// chart reads where Tempo's chart is.
func (r *reader) chart() chart.Chart {
	mode := r.choice("mode", chart.Modes()[0], chart.Modes()...)
	def := chart.Chart{Mode: mode}.WithDefaults()
	c := chart.Chart{
		Mode:         mode,
		Name:         r.optional("chart", nil),
		Repository:   r.optional("chartRepository", webURL),
		Version:      r.optionalLike("chartVersion", def.Version, func(version string) error { return chart.ValidateVersion(mode, version) }),
		TempoVersion: r.optionalLike("tempoVersion", "2.10.8", chart.ValidateTempo),
	}
	repository := c.Repository
	c = c.WithDefaults()
	c.Repository = repository // the component finds the default
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
