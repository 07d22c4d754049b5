package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	helm "helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
)

// ingesters is the part of *cluster.Cluster that looks at what ingesters hold.
type ingesters interface {
	Record(namespace, name string) (*helm.Release, error)
	Pods(ctx context.Context, namespace, selector string) ([]corev1.Pod, error)
}

// ingestersOf selects the pods of a release that hold traces, by the name of its chart.
var ingestersOf = map[string]string{
	"tempo-distributed": "app.kubernetes.io/component=ingester,app.kubernetes.io/instance=",
	"tempo":             "app.kubernetes.io/instance=",
}

// keepTraces prints how the ingesters of releases write what they would lose, and asks whether the
// up may go on. Most of picluster's own releases write it themselves.
func (o *options) keepTraces(ctx context.Context, releases []*engine.Resource) error {
	if len(releases) == 0 {
		return nil
	}
	cluster, err := drift.ClusterOf(ctx, o.config)
	if err != nil {
		return untouched(err)
	}
	lost, err := unwritten(ctx, cluster, releases, o.config.Commands)
	if err != nil {
		return untouched(err)
	}
	return o.mayLose(lost, confirmed)
}

// mayLose prints what is lost, and returns an error unless ask confirms it. With --yes it does not
// ask.
func (o *options) mayLose(lost string, ask func(question string) bool) error {
	if lost == "" {
		return nil
	}
	fmt.Fprint(os.Stderr, lost)
	if !o.yes && !ask("Have they written it, or may it be lost?") {
		return untouched(errors.New("not confirmed"))
	}
	return nil
}

// changedReleases returns the releases that steps change, as they are before.
func changedReleases(steps []engine.Step) (releases []*engine.Resource) {
	for _, s := range engine.Changing(steps) {
		if s.Old != nil && s.Old.Type == engine.ReleaseType {
			releases = append(releases, s.Old)
		}
	}
	return releases
}

// unwritten returns what to do before ingesters of releases end that then lose the traces which
// they have not written to the bucket; empty if none of them loses any.
func unwritten(ctx context.Context, cluster ingesters, releases []*engine.Resource, commands command.Names) (string, error) {
	var lines []string
	for _, r := range releases {
		namespace, name := r.Text("namespace"), r.Text("name")
		record, err := cluster.Record(namespace, name)
		if err != nil {
			return "", err
		}
		if record == nil || record.Chart == nil || keepsTraces(record) {
			continue
		}
		selector, isTempo := ingestersOf[record.Chart.Name()]
		if !isTempo {
			continue
		}
		pods, err := cluster.Pods(ctx, namespace, selector+name)
		if err != nil {
			return "", err
		}
		for _, p := range pods {
			if p.Status.Phase != corev1.PodRunning || p.DeletionTimestamp != nil {
				continue
			}
			lines = append(lines, "  "+commands.Kubectl("get", "--raw", "/api/v1/namespaces/"+namespace+"/pods/"+p.Name+":3200/proxy/shutdown"),
				"  "+commands.Kubectl("logs", "--namespace", namespace, p.Name, "--follow"))
		}
	}
	if len(lines) == 0 {
		return "", nil
	}
	return "\nThe ingesters that run write traces to the bucket after up to 30 minutes, and nothing when they end. An up that restarts them loses the rest.\n" +
		"Directly before it have each write what it has, one after the other. Its log then says: shutdown handler complete.\n" +
		strings.Join(lines, "\n") + "\n", nil
}

// keepsTraces returns whether the ingesters of a release keep their traces when they end: they
// write them to the bucket, or have a volume.
func keepsTraces(record *helm.Release) bool {
	if strings.Contains(record.Manifest, "flush_all_on_shutdown: true") {
		return true
	}
	return slices.ContainsFunc([][]string{
		{"ingester", "config", "flush_all_on_shutdown"}, {"tempo", "ingester", "flush_all_on_shutdown"}, // a configuration in a Secret
		{"ingester", "persistence", "enabled"}, {"persistence", "enabled"},
	}, func(path []string) bool { return isOn(record.Config, path...) })
}

// isOn returns whether values have true at a path.
func isOn(values map[string]any, path ...string) bool {
	for _, key := range path[:len(path)-1] {
		values, _ = values[key].(map[string]any)
	}
	on, _ := values[path[len(path)-1]].(bool)
	return on
}
