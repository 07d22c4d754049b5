package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cniPlugins is where Debian has the CNI plugins.
const cniPlugins = "/usr/lib/cni"

// systemPath are the directories of programs that are not always on PATH.
var systemPath = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"}

// debianPackages are the packages, with their programs, that real nodes need and no Go module
// has.
var debianPackages = []struct {
	name     string
	programs []string
}{
	{"containerd", []string{"containerd", "containerd-shim-runc-v2", "ctr"}},
	{"containernetworking-plugins", []string{cniPlugins + "/host-local", cniPlugins + "/loopback", cniPlugins + "/ptp"}},
	{"iproute2", []string{"ip"}},
	{"mount", []string{"mount", "umount"}},
	{"nftables", []string{"nft"}},
	{"runc", []string{"runc"}},
	{"util-linux", []string{"nsenter"}},
}

// command returns the path of a program of the machine; its name if there is none.
func command(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range systemPath {
		if path := filepath.Join(dir, name); exists(path) {
			return path
		}
	}
	return name
}

// missingPackages returns the Debian packages that real nodes need and this machine
// lacks.
func missingPackages() (missing []string) {
	for _, p := range debianPackages {
		for _, program := range p.programs {
			if !exists(command(program)) {
				missing = append(missing, p.name)
				break
			}
		}
	}
	return missing
}

// installCommand returns the command that installs Debian packages.
func installCommand(packages []string) string {
	return "apt-get update && apt-get install --yes --no-install-recommends " + strings.Join(packages, " ")
}

// install does what installCommand says. It waits for another installation that has dpkg's
// lock, tries downloads again, and goes on with the list of packages that there is if one of
// the machine's own sources is not reached.
func install(ctx context.Context, packages []string) error {
	apt := func(args ...string) error {
		args = append([]string{"--option=Acquire::Retries=3", "--option=DPkg::Lock::Timeout=120"}, args...)
		cmd := exec.CommandContext(ctx, command("apt-get"), args...) // #nosec G702 -- names of this file
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		return combined(cmd)
	}
	update := apt("update")
	if err := apt(append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...); err != nil {
		return errors.Join(update, err)
	}
	return nil
}

// InstallPackages installs the Debian packages that real nodes need. On a machine
// that cannot run real nodes it only says so on log: the tests that need them skip.
func InstallPackages(ctx context.Context, log io.Writer) error {
	if err := SupportsRealNodes(); err != nil {
		fmt.Fprintln(log, "lab: no Debian packages are installed:", err)
		return nil
	}
	missing := missingPackages()
	if len(missing) == 0 {
		return nil
	}
	if !exists(command("apt-get")) {
		fmt.Fprintf(log, "lab: real nodes require %s; they are not installed, because this machine has no apt-get\n", strings.Join(missing, ", "))
		return nil
	}
	return step(log, "installing "+strings.Join(missing, ", "), func() error { return install(ctx, missing) })
}
