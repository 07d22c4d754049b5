package main

import (
	"context"
	"errors"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
	helm "helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// running is a cluster with one release n/tempo, and pods by the selector that finds them.
type running struct {
	record *helm.Release
	pods   map[string][]corev1.Pod
	err    error
}

func (r running) Record(namespace, name string) (*helm.Release, error) {
	if namespace+"/"+name != "n/tempo" {
		return nil, r.err
	}
	return r.record, r.err
}

func (r running) Pods(_ context.Context, namespace, selector string) ([]corev1.Pod, error) {
	if namespace != "n" {
		return nil, errors.New("another namespace: " + namespace)
	}
	return r.pods[selector], nil
}

func releaseResource(namespace, name string) *engine.Resource {
	return &engine.Resource{Type: engine.ReleaseType, Custom: true, Inputs: map[string]any{"namespace": namespace, "name": name}}
}

// TestUnwritten has a release whose ingesters lose traces, as the guide's do, be named with the
// commands that keep them.
func TestUnwritten(t *testing.T) {
	pod := func(name string, phase corev1.PodPhase) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name}, Status: corev1.PodStatus{Phase: phase}}
	}
	ending := pod("tempo-ingester-2", corev1.PodRunning)
	ending.DeletionTimestamp = &metav1.Time{}
	pods := map[string][]corev1.Pod{
		"app.kubernetes.io/component=ingester,app.kubernetes.io/instance=tempo": {pod("tempo-ingester-0", corev1.PodRunning), pod("tempo-ingester-1", corev1.PodFailed), ending, pod("tempo-ingester-3", corev1.PodRunning)},
		"app.kubernetes.io/instance=tempo":                                      {pod("tempo-0", corev1.PodRunning)},
	}
	at := func(value any, path ...string) map[string]any {
		for i := len(path) - 1; i > 0; i-- {
			value = map[string]any{path[i]: value}
		}
		return map[string]any{path[0]: value}
	}
	const (
		first      = "  kubectl --context pi get --raw /api/v1/namespaces/n/pods/tempo-ingester-0:3200/proxy/shutdown\n  kubectl --context pi logs --namespace n tempo-ingester-0 --follow\n"
		fourth     = "  kubectl --context pi get --raw /api/v1/namespaces/n/pods/tempo-ingester-3:3200/proxy/shutdown\n  kubectl --context pi logs --namespace n tempo-ingester-3 --follow\n"
		monolithic = "  kubectl --context pi get --raw /api/v1/namespaces/n/pods/tempo-0:3200/proxy/shutdown\n  kubectl --context pi logs --namespace n tempo-0 --follow\n"
		says       = "Its log then says: shutdown handler complete.\n"
	)
	names := command.Names{Stack: "s"}.In(func(name string) string { return map[string]string{"context": "pi"}[name] })
	for name, test := range map[string]struct {
		chart    string
		values   map[string]any
		manifest string
		want     string // the end of what is said
	}{
		"the guide's":                      {"tempo-distributed", nil, "ingester: {}", says + first + fourth},
		"off":                              {"tempo-distributed", at(false, "ingester", "config", "flush_all_on_shutdown"), "", says + first + fourth},
		"another section":                  {"tempo-distributed", at("x", "ingester"), "", says + first + fourth},
		"picluster's":                      {"tempo-distributed", nil, "  ingester:\n    flush_all_on_shutdown: true\n", ""},
		"picluster's, in a Secret":         {"tempo-distributed", at(true, "ingester", "config", "flush_all_on_shutdown"), "", ""},
		"with volumes":                     {"tempo-distributed", at(true, "ingester", "persistence", "enabled"), "", ""},
		"one pod":                          {"tempo", nil, "", says + monolithic},
		"one pod of picluster's":           {"tempo", at(true, "tempo", "ingester", "flush_all_on_shutdown"), "", ""},
		"one pod with a volume":            {"tempo", at(true, "persistence", "enabled"), "", ""},
		"a release of something else":      {"kube-prometheus-stack", nil, "", ""},
		"volumes of the cache are no help": {"tempo-distributed", at(true, "memcached", "persistence", "enabled"), "", says + first + fourth},
	} {
		t.Run(name, func(t *testing.T) {
			record := &helm.Release{Config: test.values, Manifest: test.manifest, Chart: &chart.Chart{Metadata: &chart.Metadata{Name: test.chart}}}
			text, err := unwritten(t.Context(), running{record: record, pods: pods}, []*engine.Resource{releaseResource("other", "tempo"), releaseResource("n", "tempo")}, names)
			require.NoError(t, err)
			if test.want == "" {
				assert.Empty(t, text)
				return
			}
			assert.Contains(t, text, "loses the rest.\n")
			assert.True(t, len(text) > len(test.want) && text[len(text)-len(test.want):] == test.want, text)
		})
	}
	down := errors.New("connection refused")
	_, err := unwritten(t.Context(), running{err: down}, []*engine.Resource{releaseResource("n", "tempo")}, names)
	assert.ErrorIs(t, err, down)
}

func TestChangedReleases(t *testing.T) {
	before := releaseResource("n", "tempo")
	namespace := &engine.Resource{Type: engine.NamespaceType, Custom: true}
	assert.Equal(t, []*engine.Resource{before, before}, changedReleases([]engine.Step{
		{Op: apitype.OpUpdate, Old: before, New: releaseResource("n", "tempo")},
		{Op: apitype.OpSame, Old: before, New: before},
		{Op: apitype.OpDelete, Old: before},
		{Op: apitype.OpCreate, New: before},
		{Op: apitype.OpUpdate, Old: namespace, New: namespace},
	}))
}

// TestMayLose has an up that loses traces be confirmed, unless it has --yes.
func TestMayLose(t *testing.T) {
	for name, test := range map[string]struct {
		lost        string
		yes, answer bool
		asked       int
		err         string
	}{
		"nothing is lost": {"", false, false, 0, ""},
		"confirmed":       {"traces\n", false, true, 1, ""},
		"not confirmed":   {"traces\n", false, false, 1, "nothing was changed: not confirmed"},
		"--yes":           {"traces\n", true, false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			err := (&options{yes: test.yes}).mayLose(test.lost, func(string) bool { asked++; return test.answer })
			assert.Equal(t, test.asked, asked)
			if test.err == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, test.err)
			}
		})
	}
}
