package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	pschema "github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// TestSDKs generates the package's SDKs, as `pulumi package gen-sdk` does, and has their
// compilers check them. It skips a language whose compiler this machine does not have.
func TestSDKs(t *testing.T) {
	t.Run("go", func(t *testing.T) {
		files, err := gogen.GeneratePackage("picluster", bind(t), nil)
		dir := write(t, files, err)
		dir = filepath.Join(dir, "picluster")
		sums, err := os.ReadFile("go.sum")
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(`module github.com/picluster/picluster/sdk/go/picluster

go 1.26.0

require github.com/pulumi/pulumi/sdk/v3 v3.216.0
`), 0o600))
		run(t, dir, "go", "mod", "tidy")
		run(t, dir, "go", "vet", "./...")
	})
	t.Run("python", func(t *testing.T) {
		files, err := python.GeneratePackage("picluster", bind(t), nil, nil)
		dir := write(t, files, err)
		lookPath(t, "python3")
		run(t, dir, "python3", "-m", "compileall", "-q", ".")
		if _, err := exec.LookPath("mypy"); err != nil {
			t.Log("Python: the syntax was checked; the types were NOT, because mypy is not installed")
			return
		}
		run(t, dir, "mypy", "--ignore-missing-imports", ".")
	})
	t.Run("typescript", func(t *testing.T) {
		files, err := nodejs.GeneratePackage("picluster", bind(t), nil, nil, false, nil)
		sdk := write(t, files, err)
		fixImports(t, sdk)
		lookPath(t, "npm")
		dir := t.TempDir()
		must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "typescript"))))
		must(t, os.CopyFS(filepath.Join(dir, "sdk"), os.DirFS(sdk)))
		if out, err := command(dir, "npm", "install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"); err != nil {
			t.Skipf("TypeScript: NOT checked, because npm cannot install the compiler: %v\n%s", err, out)
		}
		run(t, dir, "npx", "--no-install", "tsc", "--project", ".")
	})
}

// bind returns the package that schema.json describes. Binding finds what is wrong with it.
func bind(t *testing.T) *pschema.Package {
	t.Helper()
	var spec pschema.PackageSpec
	must(t, json.Unmarshal([]byte(schema), &spec))
	spec.Version = version
	pkg, diagnostics, err := pschema.BindSpec(spec, noPackages{}, pschema.ValidationOptions{})
	must(t, err)
	for _, d := range diagnostics {
		t.Errorf("schema.json: %s", d)
	}
	return pkg
}

// noPackages finds no other package, since the schema names none.
type noPackages struct{ pschema.Loader }

func write(t *testing.T, files map[string][]byte, err error) (dir string) {
	t.Helper()
	must(t, err)
	dir = t.TempDir()
	for path, content := range files {
		path = filepath.Join(dir, filepath.FromSlash(path))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, content, 0o600))
	}
	return dir
}

// fixImports writes "../types" for "./types". Pulumi's generator takes the directory of
// filepath.Rel(module, ""), which is "../." before Go 1.26, and ".." since.
func fixImports(t *testing.T, sdk string) {
	t.Helper()
	modules, err := filepath.Glob(filepath.Join(sdk, "*", "*.ts"))
	must(t, err)
	for _, path := range modules {
		text, err := os.ReadFile(path)
		must(t, err)
		for _, name := range []string{"types/input", "types/output", "utilities"} {
			text = bytes.ReplaceAll(text, []byte(`from "./`+name+`"`), []byte(`from "../`+name+`"`))
		}
		must(t, os.WriteFile(path, text, 0o600))
	}
}

func lookPath(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s: NOT checked, because %s is not installed", t.Name(), program)
	}
}

func command(dir, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	if out, err := command(dir, program, args...); err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
