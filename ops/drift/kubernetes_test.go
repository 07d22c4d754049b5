package drift

import (
	"errors"
	"fmt"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/cluster"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const configMapType = "kubernetes:core/v1:ConfigMap"

type data = map[string]any

func TestObjects(t *testing.T) {
	own := func() *engine.Resource { return resource(configMapType, manifest("c", data{"a": "stack's"})) }
	for name, test := range map[string]struct {
		resource *engine.Resource
		live     *object.Object
		next     []engine.Step
		ignores  string
		found    []string
		ignored  []string
	}{
		"in order": {resource: own(), live: live("c", data{"a": "stack's"}, nil)},
		"gone":     {resource: own(), found: []string{"ConfigMap n/c is gone: repair restores it"}},
		"changed": {resource: own(), live: live("c", data{}, data{"a": "edited"}),
			found: []string{`ConfigMap n/c data.a is "edited", and should be "stack's" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`}},
		"an added field": {resource: own(), live: live("c", data{"a": "stack's"}, data{"b": "added"}),
			found: []string{`ConfigMap n/c data.b is "added", and should not be there (kubectl-edit, 2026-01-02 03:04:05): reported only`}},
		"changed and added": {resource: own(), live: live("c", data{}, data{"a": "edited", "b": "added"}), found: []string{
			`ConfigMap n/c data.a is "edited", and should be "stack's" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`,
			`ConfigMap n/c data.b is "added", and should not be there (kubectl-edit, 2026-01-02 03:04:05): reported only`}},
		"an ignored field": {resource: own(), live: live("c", data{}, data{"a": "edited", "b": "added"}), ignores: `[{"object":"ConfigMap n/*","paths":["data.a"]}]`,
			found:   []string{`ConfigMap n/c data.b is "added", and should not be there (kubectl-edit, 2026-01-02 03:04:05): reported only`},
			ignored: []string{`ConfigMap n/c data.a is "edited", and should be "stack's": reported only`}},
		"an ignored field of another object": {resource: own(), live: live("c", data{}, data{"a": "edited"}), ignores: `[{"object":"ConfigMap n/d","paths":["data.a"]}]`,
			found: []string{`ConfigMap n/c data.a is "edited", and should be "stack's" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`}},
		"an ignored object": {resource: own(), ignores: `[{"object":"ConfigMap n/c"}]`,
			ignored: []string{"ConfigMap n/c is gone: repair restores it"}},
		"a hotfix that the configuration has too": {resource: own(), live: live("c", data{}, data{"a": "hotfix"}),
			next: []engine.Step{updates(own(), manifest("c", data{"a": "hotfix"}))}},
		"a hotfix that the configuration has in part": {resource: own(), live: live("c", data{}, data{"a": "hotfix", "b": "added"}),
			next:  []engine.Step{updates(own(), manifest("c", data{"a": "hotfix"}))},
			found: []string{`ConfigMap n/c data.b is "added", and should not be there (kubectl-edit, 2026-01-02 03:04:05): reported only`}},
		"other than the state and the configuration": {resource: own(), live: live("c", data{}, data{"a": "edited"}),
			next:  []engine.Step{updates(own(), manifest("c", data{"a": "next"}))},
			found: []string{`ConfigMap n/c data.a is "edited", and should be "stack's" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`}},
		"a step of another resource": {resource: own(), live: live("c", data{}, data{"a": "hotfix"}),
			next:  []engine.Step{updates(resource(engine.BucketType, nil), manifest("c", data{"a": "hotfix"}))},
			found: []string{`ConfigMap n/c data.a is "hotfix", and should be "stack's" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`}},
		"gone, and the configuration deletes it": {resource: own(), next: []engine.Step{{Op: apitype.OpDelete, URN: own().URN, Old: own()}}},
		"gone, and the configuration changes it": {resource: own(), next: []engine.Step{updates(own(), manifest("c", data{"a": "next"}))},
			found: []string{"ConfigMap n/c is gone: repair restores it"}},
		"managed elsewhere": {resource: &engine.Resource{URN: own().URN, Type: configMapType, Custom: true, External: true, Inputs: manifest("c", nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			ignores, err := object.ParseIgnores(test.ignores)
			require.NoError(t, err)
			cluster := &kubernetes{}
			if test.live != nil {
				cluster.objects = append(cluster.objects, test.live)
			}
			target := &Target{state: &engine.State{Resources: []*engine.Resource{test.resource}}, store: &store{}, cluster: cluster, ignores: ignores}
			findings, ignored, err := target.direct(t.Context(), func() []engine.Step { return test.next })
			require.NoError(t, err)
			assert.Equal(t, test.found, found(findings))
			assert.Equal(t, test.ignored, found(ignored))
			for _, f := range findings {
				assert.Nil(t, f.Fix)
				assert.Empty(t, f.Release)
				assert.Equal(t, f.Repairable(), f.URN == test.resource.URN)
			}
		})
	}
}

// The change of a finding is what a repair writes: added fields stay.
func TestObjectChange(t *testing.T) {
	state := &engine.State{Resources: []*engine.Resource{resource(configMapType, manifest("c", data{"a": "stack's"}))}, Secrets: []string{"hunter2hunter2"}}
	cluster := &kubernetes{objects: []*object.Object{live("c", data{}, data{"a": "hunter2hunter2", "b": "added"})}}
	findings, _, err := (&Target{state: state, store: &store{}, cluster: cluster}).direct(t.Context(), nothing)
	require.NoError(t, err)
	require.Len(t, findings, 2)
	assert.Contains(t, findings[0].Change, "-  a: '[secret]'\n+  a: stack's\n   b: added\n")
	assert.Empty(t, findings[1].Change)

	cluster.objects = nil
	findings, _, err = (&Target{state: state, store: &store{}, cluster: cluster}).direct(t.Context(), nothing)
	require.NoError(t, err)
	require.Len(t, findings, 1)
	assert.Contains(t, findings[0].Change, "+  a: stack's\n")
}

func TestClusterNotReachable(t *testing.T) {
	down := errors.New("connection refused")
	state := &engine.State{Resources: []*engine.Resource{resource(configMapType, manifest("c", nil))}}
	findings, _, err := (&Target{state: state, store: &store{}, cluster: &kubernetes{err: down}}).direct(t.Context(), nothing)
	assert.Empty(t, findings)
	assert.ErrorIs(t, err, down)
	assert.ErrorContains(t, err, "ConfigMap n/c: ")
}

// tempo returns the release n/r at a revision.
func tempo(revision float64) *engine.Resource {
	r := resource(engine.ReleaseType, map[string]any{"namespace": "n", "name": "r"})
	if revision > 0 {
		r.Outputs = map[string]any{"status": map[string]any{"revision": revision}}
	}
	return r
}

func record(revision int, status release.Status) map[string]*release.Release {
	return map[string]*release.Release{"n/r": {Name: "r", Namespace: "n", Version: revision, Info: &release.Info{Status: status, Description: "Rollback to 1"}}}
}

func TestReleases(t *testing.T) {
	for name, test := range map[string]struct {
		revision  float64
		records   map[string]*release.Release
		installed []*object.Object
		live      []*object.Object
		found     []string
	}{
		"in order":           {revision: 2, records: record(2, release.StatusDeployed), installed: []*object.Object{objectOf(manifest("c", data{"a": "x"}))}, live: []*object.Object{live("c", data{"a": "x"}, nil)}},
		"no record":          {revision: 2, found: []string{"release n/r is not installed: repair restores it"}},
		"failed":             {revision: 2, records: record(2, release.StatusFailed), found: []string{`release n/r has the status "failed" since revision 2: repair restores it`}},
		"an upgrade pending": {revision: 2, records: record(3, release.StatusPendingUpgrade), found: []string{`release n/r has the status "pending-upgrade" since revision 3: an operation of Helm was interrupted; first run helm --kube-context pi rollback r --namespace n: reported only`}},
		"another revision": {revision: 2, records: record(3, release.StatusDeployed), installed: []*object.Object{objectOf(manifest("c", nil))},
			found: []string{"release n/r is at revision 3, and should be at 2: Rollback to 1: repair restores it"}},
		"another revision, failed": {revision: 2, records: record(3, release.StatusFailed), found: []string{
			`release n/r has the status "failed" since revision 3: repair restores it`,
			"release n/r is at revision 3, and should be at 2: Rollback to 1: repair restores it"}},
		"a state without a revision": {records: record(3, release.StatusDeployed)},
		"an object gone":             {revision: 2, records: record(2, release.StatusDeployed), installed: []*object.Object{objectOf(manifest("c", nil)), objectOf(manifest("d", nil))}, live: []*object.Object{live("d", nil, data{})}, found: []string{"ConfigMap n/c is gone: repair restores it"}},
		"an object changed": {revision: 2, records: record(2, release.StatusDeployed), installed: []*object.Object{objectOf(manifest("c", data{"a": "x"}))}, live: []*object.Object{live("c", data{}, data{"a": "edited"})},
			found: []string{`ConfigMap n/c data.a is "edited", and should be "x" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`}},
		"failed, and an object gone": {revision: 2, records: record(2, release.StatusFailed), installed: []*object.Object{objectOf(manifest("c", nil))}, found: []string{
			"ConfigMap n/c is gone: repair restores it", `release n/r has the status "failed" since revision 2: repair restores it`}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := &kubernetes{records: test.records, installed: test.installed, objects: test.live}
			commands := command.Names{Stack: "s"}.In(func(name string) string { return map[string]string{"context": "pi"}[name] })
			target := &Target{state: &engine.State{Resources: []*engine.Resource{tempo(test.revision)}}, store: &store{}, cluster: cluster, commands: commands}
			findings, _, err := target.direct(t.Context(), nothing)
			require.NoError(t, err)
			assert.Equal(t, test.found, found(findings))
			for _, f := range findings {
				if f.Repairable() {
					assert.Equal(t, "n/r", f.Release)
					assert.Equal(t, tempo(0).URN, f.URN)
				}
			}
			assert.Empty(t, cluster.renders, "nothing is to change: there is nothing to render")
		})
	}
}

// What the release's next up deploys is no drift.
func TestHotfixOfARelease(t *testing.T) {
	before := tempo(2)
	next := map[string]any{"namespace": "n", "name": "r", "chart": "tempo", "values": map[string]any{"a": "hotfix"}}
	both := []*object.Object{objectOf(manifest("c", data{"a": "x"})), objectOf(manifest("d", data{"a": "x"}))}
	for name, test := range map[string]struct {
		live     []*object.Object
		rendered []*object.Object
		next     []engine.Step
		found    []string
		renders  int
	}{
		"live as the configuration has it": {
			live:     []*object.Object{live("c", data{}, data{"a": "hotfix"}), live("d", data{}, data{"a": "hotfix"})},
			rendered: []*object.Object{objectOf(manifest("c", data{"a": "hotfix"})), objectOf(manifest("d", data{"a": "hotfix"}))},
			next:     []engine.Step{updates(before, next)}, renders: 1},
		"one as the configuration has it": {
			live:     []*object.Object{live("c", data{}, data{"a": "hotfix"}), live("d", data{}, data{"a": "other"})},
			rendered: []*object.Object{objectOf(manifest("c", data{"a": "hotfix"})), objectOf(manifest("d", data{"a": "hotfix"}))},
			next:     []engine.Step{updates(before, next)}, renders: 1,
			found: []string{`ConfigMap n/d data.a is "other", and should be "x" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`}},
		"deleted, as the configuration does": {
			live:     []*object.Object{live("d", data{"a": "x"}, nil)},
			rendered: []*object.Object{objectOf(manifest("d", data{"a": "x"}))},
			next:     []engine.Step{updates(before, next)}, renders: 1},
		"deleted, and the configuration has it": {
			live:     []*object.Object{live("d", data{"a": "x"}, nil)},
			rendered: []*object.Object{objectOf(manifest("c", data{"a": "y"})), objectOf(manifest("d", data{"a": "x"}))},
			next:     []engine.Step{updates(before, next)}, renders: 1,
			found: []string{"ConfigMap n/c is gone: repair restores it"}},
		"the configuration deletes the release": {
			live:  []*object.Object{live("c", data{}, data{"a": "edited"}), live("d", data{"a": "x"}, nil)},
			next:  []engine.Step{{Op: apitype.OpDelete, URN: before.URN, Old: before}},
			found: []string{`ConfigMap n/c data.a is "edited", and should be "x" (kubectl-edit, 2026-01-02 03:04:05): repair restores it`}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &kubernetes{records: record(2, release.StatusDeployed), installed: both, objects: test.live, rendered: test.rendered}
			target := &Target{state: &engine.State{Resources: []*engine.Resource{before}}, store: &store{}, cluster: fake}
			findings, _, err := target.direct(t.Context(), func() []engine.Step { return test.next })
			require.NoError(t, err)
			assert.Equal(t, test.found, found(findings))
			require.Len(t, fake.renders, test.renders)
			for _, r := range fake.renders {
				assert.Equal(t, cluster.ReleaseOf(next), r)
			}
		})
	}
}

func TestReleaseThatCannotBeRendered(t *testing.T) {
	before := tempo(2)
	fake := &kubernetes{records: record(2, release.StatusDeployed), installed: []*object.Object{objectOf(manifest("c", nil))}, renderErr: errors.New("no such chart")}
	_, _, err := (&Target{state: &engine.State{Resources: []*engine.Resource{before}}, store: &store{}, cluster: fake}).direct(t.Context(),
		func() []engine.Step { return []engine.Step{updates(before, before.Inputs)} })
	assert.ErrorIs(t, err, fake.renderErr)
	assert.ErrorContains(t, err, "rendering release r: ")
}

// An edit that Helm cannot merge is written directly; one that it can is left to it,
// and what cannot be changed at all is an error that says so.
func TestUnmerged(t *testing.T) {
	object := func(manifest string) *object.Object {
		objects, err := object.Parse(manifest)
		require.NoError(t, err)
		return objects[0]
	}
	const service = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n"},"spec":{"ports":[{"name":"http","port":%d}]}}`
	manifest, live := object(fmt.Sprintf(service, 3200)), object(fmt.Sprintf(service, 3300))
	merged := live.DeepCopy()
	merged.SetLabels(map[string]string{"merged": "by Helm"})
	for name, test := range map[string]struct {
		rejects func(*unstructured.Unstructured) bool
		fixes   bool
		err     string
	}{
		"merged":      {func(*unstructured.Unstructured) bool { return false }, false, ""},
		"not merged":  {func(o *unstructured.Unstructured) bool { return o == merged }, true, ""},
		"not changed": {func(*unstructured.Unstructured) bool { return true }, false, "cannot be changed in place, neither by Helm nor directly. Fix: set the chartVersion before"},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kubernetes{rejects: test.rejects}
			target := &Target{state: &engine.State{}, cluster: k}
			fixed, err := target.unmerged(t.Context(), Finding{What: "Service n/s", Is: "differs"}, manifest, live, merged)
			if test.err != "" {
				assert.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Empty(t, k.replaced, "asking has changed it")
			if !test.fixes {
				assert.Nil(t, fixed)
				return
			}
			assert.Contains(t, fixed.Is, "differs; Helm cannot merge this edit")
			require.NoError(t, fixed.Fix(t.Context()))
			assert.Len(t, k.replaced, 1)
		})
	}
}
