package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func named(kind, name string) urn.URN { return urn.URN("urn:pulumi:s::p::" + kind + "::" + name) }

var (
	release = named(engine.ReleaseType, "tempo")
	other   = named(engine.ReleaseType, "other")
	bucket  = named(engine.BucketType, "traces")
	fixes   = func(context.Context) error { return nil }
)

var findings = []drift.Finding{
	{Where: "MinIO", What: "user u", Is: "is without its policy p", Then: "policy p attached", Fix: fixes, URN: named(engine.AttachmentType, "u")},
	{Where: "MinIO", What: "user v", Is: "is disabled", Fix: fixes, Enables: true, URN: named(engine.UserType, "v")},
	{Where: "MinIO", What: "bucket b", Is: "is gone", URN: bucket},
	{Where: "Kubernetes", What: "ConfigMap n/added", Is: "has more"},
	{Where: "Kubernetes", What: "ConfigMap n/c", Is: "is gone", URN: release, Release: "n/tempo"},
	{Where: "Kubernetes", What: "ConfigMap n/d", Is: "is gone", URN: release, Release: "n/tempo"},
	{Where: "Kubernetes", What: "ConfigMap n/e", Is: "is gone", URN: other, Release: "n/other"},
}

func whats(findings []drift.Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, f.What)
	}
	return list
}

func TestChoose(t *testing.T) {
	const disabled = "2: user v was disabled outside Pulumi, and stays so. Fix: picluster repair --stack s --enable-user; if its key has leaked, in its place picluster rotate --stack s"
	for name, test := range map[string]struct {
		only       []int
		enableUser bool
		chosen     []string
		err        string
	}{
		"all":                       {nil, false, []string{"user u", "bucket b", "ConfigMap n/c", "ConfigMap n/d", "ConfigMap n/e"}, ""},
		"all, with enableUser":      {nil, true, []string{"user u", "user v", "bucket b", "ConfigMap n/c", "ConfigMap n/d", "ConfigMap n/e"}, ""},
		"some":                      {[]int{5, 1}, false, []string{"user u", "ConfigMap n/c"}, ""},
		"one twice":                 {[]int{3, 3}, false, []string{"bucket b"}, ""},
		"none of that number":       {[]int{0, 1, 8, -1}, false, nil, "--only: got 0; want 1 to 7\n--only: got 8; want 1 to 7\n--only: got -1; want 1 to 7"},
		"a disabled user":           {[]int{2}, false, nil, disabled},
		"a disabled user, enabled":  {[]int{2}, true, []string{"user v"}, ""},
		"another than the user":     {[]int{3}, true, []string{"bucket b"}, ""},
		"reported only":             {[]int{4}, false, nil, "4: Kubernetes ConfigMap n/added: is reported only; change it where it was added"},
		"all that is wrong at once": {[]int{4, 9, 2}, false, nil, "--only: got 9; want 1 to 7\n" + disabled + "\n4: Kubernetes ConfigMap n/added: is reported only; change it where it was added"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := choose(findings, test.only, test.enableUser, command.Names{Stack: "s"})
			if test.err != "" {
				assert.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.chosen, whats(chosen))
		})
	}
}

// parts returns a plan in brief.
func parts(p *plan) map[string][]string {
	all := map[string][]string{}
	if len(p.direct) > 0 {
		all["MinIO"] = whats(p.direct)
	}
	for target, f := range p.targets {
		all[target.Name()] = whats(f)
	}
	return all
}

func TestNewPlan(t *testing.T) {
	p := newPlan([]drift.Finding{findings[0], findings[2], findings[4], findings[6]})
	assert.Equal(t, map[string][]string{"MinIO": {"user u"}, "traces": {"bucket b"}, "tempo": {"ConfigMap n/c"}, "other": {"ConfigMap n/e"}}, parts(p))
	assert.Equal(t, map[string]urn.URN{"n/tempo": release, "n/other": other}, p.releases)
	assert.False(t, p.empty())
	assert.False(t, newPlan(findings[:1]).empty())
	assert.False(t, newPlan(findings[2:3]).empty())
	assert.True(t, newPlan(nil).empty())
}

// An upgrade restores all objects of its release, and no other.
func TestExtend(t *testing.T) {
	p := newPlan([]drift.Finding{findings[2], findings[4]})
	p.extend(findings)
	assert.Equal(t, map[string][]string{"traces": {"bucket b"}, "tempo": {"ConfigMap n/c", "ConfigMap n/d"}}, parts(p))
	assert.Equal(t, map[string]urn.URN{"n/tempo": release}, p.releases)
	p.extend(findings)
	assert.Len(t, p.targets[release], 2, "each once")

	p = newPlan(findings[2:3])
	p.extend([]drift.Finding{findings[2], {Where: "MinIO", What: "bucket b", Is: "has other tags", URN: bucket}})
	assert.Len(t, p.targets[bucket], 1, "it is of no release")

	twice := []drift.Finding{findings[4], findings[4]}
	twice[1].Is = "has more"
	p = newPlan(twice[:1])
	p.extend(twice)
	assert.Len(t, p.targets[release], 2, "two findings of one object")
}

func TestConfirm(t *testing.T) {
	all := []drift.Finding{findings[0], findings[1], findings[2], findings[4], findings[5], findings[6]}
	const toMinIO, toBucket, toOther, toTempo = "Write this to MinIO now?", "Have Pulumi restore " + engine.BucketType + " traces?", "Have Pulumi restore " + engine.ReleaseType + " other?", "Have Pulumi restore " + engine.ReleaseType + " tempo?"
	questions := []string{toMinIO, toMinIO, toOther, toTempo, toBucket}
	for name, test := range map[string]struct {
		yes  []bool
		want map[string][]string
	}{
		"all":          {[]bool{true, true, true, true, true}, map[string][]string{"MinIO": {"user u", "user v"}, "other": {"ConfigMap n/e"}, "tempo": {"ConfigMap n/c", "ConfigMap n/d"}, "traces": {"bucket b"}}},
		"none":         {[]bool{false, false, false, false, false}, map[string][]string{}},
		"one in MinIO": {[]bool{false, true, false, false, false}, map[string][]string{"MinIO": {"user v"}}},
		"one release":  {[]bool{false, false, false, true, false}, map[string][]string{"tempo": {"ConfigMap n/c", "ConfigMap n/d"}}},
		"the bucket":   {[]bool{false, false, false, false, true}, map[string][]string{"traces": {"bucket b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			kept := newPlan(all).confirm(func(question string) bool {
				asked = append(asked, question)
				return test.yes[len(asked)-1]
			})
			assert.Equal(t, questions, asked)
			assert.Equal(t, test.want, parts(kept))
			for _, target := range kept.releases {
				assert.Contains(t, kept.targets, target, "a release that was refused would be upgraded")
			}
			assert.Equal(t, len(test.want) == 0, kept.empty())
		})
	}
}

func TestFull(t *testing.T) {
	assert.Equal(t, "--- MinIO user u: is gone\n", full(drift.Finding{Where: "MinIO", What: "user u", Is: "is gone"}))
	assert.Equal(t, "--- MinIO policy p: is gone\nnow:\n    {\n      a\n    }\nthen:\n    b\nchange:\n    -a\n    +b\n",
		full(drift.Finding{Where: "MinIO", What: "policy p", Is: "is gone", Now: "{\n  a\n}", Then: "b", Change: "-a\n+b\n"}))
}

func TestPrint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(path)
	require.NoError(t, err)
	newPlan([]drift.Finding{findings[4], findings[0]}).print(file)
	require.NoError(t, file.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, full(findings[0])+full(findings[4]), string(text))
}

func TestCounter(t *testing.T) {
	assert.Equal(t, `restore["n/tempo"]`, counter("n/tempo"))
}

func TestUntouched(t *testing.T) {
	require.NoError(t, untouched(nil))
	err := untouched(drift.ErrEmpty)
	assert.ErrorIs(t, err, drift.ErrEmpty)
	assert.ErrorContains(t, err, "nothing was changed: ")
}

func TestWrite(t *testing.T) {
	require.NoError(t, write("", "text"))
	path := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, write(path, "text"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "text", string(text))
	assert.Error(t, write(filepath.Join(path, "below"), "text"))
}

// execute runs picluster with arguments, without a Pulumi, and returns what it prints.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("PATH", t.TempDir())
	root := newCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// onStacks returns the commands that run on a stack, by name.
func onStacks(t *testing.T) map[string]*cobra.Command {
	t.Helper()
	all := map[string]*cobra.Command{}
	for _, c := range newCommand().Commands() {
		if c.Name() != "version" {
			all[c.Name()] = c
		}
	}
	return all
}

func TestCommands(t *testing.T) {
	flags := map[string][]string{
		"preview": {"summary"},
		"up":      {"yes", "lock-timeout", "other-cluster", "verify"},
		"verify":  {"wait", "timeout", "grafana", "json"},
		"refresh": {"yes", "lock-timeout"},
		"repair":  {"yes", "lock-timeout", "only", "enable-user"},
		"adopt":   {"yes"},
		"rotate":  {"yes", "lock-timeout"},
		"destroy": {"yes", "lock-timeout"},
		"drift":   {"summary", "lock-timeout"},
		"migrate-bucket": {
			"yes", "overwrite", "from", "from-secret", "from-ca", "from-region", "to", "to-secret", "to-ca", "to-region",
		},
	}
	all := onStacks(t)
	assert.Len(t, all, len(flags))
	for name, own := range flags {
		t.Run(name, func(t *testing.T) {
			c := all[name]
			require.NotNil(t, c)
			assert.NotEmpty(t, c.Short)
			assert.True(t, strings.HasPrefix(c.Long, c.Short+".\n\n") && len(c.Long) > len(c.Short)+10, c.Long)
			for _, flag := range append([]string{"stack", "config-file"}, own...) {
				require.NotNil(t, c.Flags().Lookup(flag), flag)
				assert.NotEmpty(t, c.Flags().Lookup(flag).Usage, flag)
			}
			for _, flag := range []string{"summary", "yes", "lock-timeout", "other-cluster", "only", "enable-user", "verify", "wait", "timeout", "grafana", "json", "from", "to", "overwrite"} {
				if !slices.Contains(own, flag) {
					assert.Nil(t, c.Flags().Lookup(flag), flag)
				}
			}

			help, err := execute(t, name, "--help")
			require.NoError(t, err)
			assert.Contains(t, help, c.Long)
			assert.Contains(t, help, "--stack")
			for _, wrong := range []struct {
				args []string
				err  string
			}{
				{[]string{name}, `required flag(s) "stack" not set`},
				{[]string{name, "--stack", "s", "--unknown"}, "unknown flag: --unknown"},
				{[]string{name, "--stack", "s", "word"}, "unknown command"},
				{[]string{name, "--stack", "s"}, "pulumi is not on PATH"},
			} {
				out, err := execute(t, wrong.args...)
				assert.ErrorContains(t, err, wrong.err, fmt.Sprint(wrong.args))
				assert.Empty(t, out, "main prints the error")
			}
		})
	}
	_, err := execute(t, "cancel")
	assert.ErrorContains(t, err, `unknown command "cancel"`)
	help, err := execute(t)
	require.NoError(t, err)
	for name, c := range all {
		assert.Contains(t, help, name)
		assert.Contains(t, help, c.Short)
	}
}

func TestExitCode(t *testing.T) {
	locked := fmt.Errorf("pulumi up: %w", engine.ErrLocked)
	assert.Equal(t, 0, exitCode(nil))
	assert.Equal(t, 1, exitCode(errors.New("any")))
	assert.Equal(t, 2, exitCode(fmt.Errorf("stack s: %w", errDrifted)))
	assert.Equal(t, 3, exitCode(notDeployedError{locked}))
	assert.Equal(t, 1, exitCode(fmt.Errorf("drift could not be determined: %w", locked)), "CI goes by 1")
}

func TestFlags(t *testing.T) {
	for _, test := range []struct{ args, err string }{
		{"repair -s s --only two", `invalid argument "two" for "--only" flag`},
		{"up -s s --lock-timeout 5", `invalid argument "5" for "--lock-timeout" flag`},
		{"up -s s -y --lock-timeout 5m --other-cluster --verify", "pulumi is not on PATH"},
		{"verify -s s --wait 45m --timeout 1m --grafana https://g --json", "pulumi is not on PATH"},
		{"verify -s s --wait 45", `invalid argument "45" for "--wait" flag`},
		{"repair -s s -y --only 2,5 --only 7 --enable-user", "pulumi is not on PATH"},
	} {
		_, err := execute(t, strings.Fields(test.args)...)
		assert.ErrorContains(t, err, test.err, test.args)
	}
}

func TestConfigFileVariable(t *testing.T) {
	t.Setenv(configFileVariable, "f.yaml")
	for name, c := range onStacks(t) {
		assert.Equal(t, "f.yaml", c.Flags().Lookup("config-file").DefValue, name)
	}
}

func TestVersion(t *testing.T) {
	out, err := execute(t, "version")
	require.NoError(t, err)
	assert.Equal(t, version()+"\n", out)
	assert.NotEmpty(t, version())
}

// TestVersionOfARelease has the command say the version that make build gives to the linker.
func TestVersionOfARelease(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "picluster")
	out, err := exec.Command("go", "build", "-ldflags", "-X main.released=v1.2.3", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command(binary, "version").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "v1.2.3\n", string(out))
}

// What Helm cannot merge is written directly. A release of which nothing else is left is not
// upgraded.
func TestUnmerge(t *testing.T) {
	merges := func(context.Context) (*drift.Finding, error) { return nil, nil }
	isWritten := func(what string) func(context.Context) (*drift.Finding, error) {
		return func(context.Context) (*drift.Finding, error) { return &drift.Finding{What: what}, nil }
	}
	service := drift.Finding{What: "Service", URN: release, Release: "tempo/tempo", Unmerged: isWritten("Service")}
	deployment := drift.Finding{What: "Deployment", URN: release, Release: "tempo/tempo", Unmerged: merges}
	policy := drift.Finding{What: "policy", URN: bucket}
	for name, test := range map[string]struct {
		findings []drift.Finding
		targets  []urn.URN
		releases int
		direct   int
	}{
		"all of a release":    {[]drift.Finding{service}, nil, 0, 1},
		"one of two":          {[]drift.Finding{service, deployment}, []urn.URN{release}, 1, 1},
		"none":                {[]drift.Finding{deployment}, []urn.URN{release}, 1, 0},
		"beside another part": {[]drift.Finding{service, policy}, []urn.URN{bucket}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlan(test.findings)
			require.NoError(t, p.unmerge(t.Context()))
			assert.Equal(t, test.targets, slices.Collect(maps.Keys(p.targets)))
			assert.Len(t, p.releases, test.releases)
			assert.Len(t, p.direct, test.direct)
		})
	}
}
