package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/lab"
)

//go:embed tofu/main.tf
var tofuConfiguration []byte

// tofuParts are OpenTofu and its providers, which the benchmark alone needs.
var tofuParts = []lab.Part{
	{
		Name:    "tofu",
		Dir:     "bench/parts/opentofu",
		Package: "github.com/opentofu/opentofu/cmd/tofu",
		Module:  "github.com/opentofu/opentofu",
		Cold:    145 * time.Second,
	},
	tofuProvider("minio", "github.com/aminueza/terraform-provider-minio/v2", 30*time.Second),
	tofuProvider("kubernetes", "github.com/hashicorp/terraform-provider-kubernetes", 100*time.Second),
	tofuProvider("helm", "github.com/hashicorp/terraform-provider-helm", 90*time.Second),
}

func tofuProvider(name, module string, cold time.Duration) lab.Part {
	return lab.Part{Name: "terraform-provider-" + name, Dir: "bench/parts/tofu-" + name, Package: module, Module: module, Cold: cold}
}

// tofu is OpenTofu on a lab, with a configuration of the same resources.
type tofu struct {
	lab       *lab.Lab
	program   string
	dir       string
	variables []string // of the environment
}

func newTofu(ctx context.Context, l *lab.Lab, values []byte) (*tofu, error) {
	paths, err := l.Build(ctx, tofuParts)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.Dir, "tofu")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// With dev_overrides for each provider, OpenTofu needs no `tofu init`.
	var settings strings.Builder
	settings.WriteString("provider_installation {\n  dev_overrides {\n")
	for _, source := range []string{"aminueza/minio", "hashicorp/kubernetes", "hashicorp/helm"} {
		path := paths["terraform-provider-"+filepath.Base(source)]
		fmt.Fprintf(&settings, "    %q = %q\n", source, filepath.Dir(path))
	}
	settings.WriteString("  }\n}\n")
	for name, text := range map[string][]byte{"main.tf": tofuConfiguration, "values.yaml": values, "tofu.rc": []byte(settings.String())} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}

	_, config, err := readConfig(l)
	if err != nil {
		return nil, err
	}
	policy, err := objectstore.PolicyDocument(bucket, objectstore.Statement{Actions: tempo.BucketActions()})
	if err != nil {
		return nil, err
	}
	endpoint, access, secret := l.MinIO()
	variables := []string{"TF_CLI_CONFIG_FILE=" + filepath.Join(dir, "tofu.rc"), "CHECKPOINT_DISABLE=1"}
	for name, value := range map[string]string{
		"minio_server":     endpoint,
		"minio_user":       access,
		"minio_password":   secret,
		"kubeconfig":       l.Kubeconfig(),
		"chart":            text(config["picluster:chart"]),
		"chart_version":    text(config["picluster:chartVersion"]),
		"chart_repository": text(config["picluster:chartRepository"]),
		"values_file":      filepath.Join(dir, "values.yaml"),
		"policy":           policy,
	} {
		variables = append(variables, "TF_VAR_"+name+"="+value)
	}
	return &tofu{lab: l, program: paths["tofu"], dir: dir, variables: variables}, nil
}

func (t *tofu) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := t.lab.Command(ctx, t.program, append([]string{"-chdir=" + t.dir}, args...)...)
	cmd.Env = append(cmd.Env, t.variables...)
	return cmd
}
