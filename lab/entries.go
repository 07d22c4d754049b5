package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Names of what a lab creates in its directory.
const (
	binEntry        = "bin"             // links to the programs
	caEntry         = "ca.crt"          // CA of MinIO's certificate
	kubeconfigEntry = "kubeconfig"      // the administrator's
	kubeLockEntry   = "kubeconfig.lock" // left by a kwokctl that was killed
	kwokEntry       = "kwok"            // the cluster: data, logs, certificates
	kwokctlEntry    = "kwokctl.yaml"    // the cluster's configuration
	markEntry       = ".picluster-lab"  // marks the directory as a lab's
	minioEntry      = "minio"           // MinIO: data, log, certificates
	nodesEntry      = "nodes"           // real nodes: their machine, data, logs, images
	programEntry    = "program"         // the compiled program
	projectEntry    = "Pulumi.yaml"     // the project, for `pulumi stack init`
	stackEntry      = "Pulumi." + Stack + ".yaml"
	stateEntry      = "state" // Pulumi's state
	tempEntry       = "tmp"   // TMPDIR: the Kubernetes plugin leaves kubeconfigs there
	labEntry        = "lab.json"
)

// entries are the names of all that a lab creates, in the order in which Remove
// removes them. lab.json is the last, because a lab without it does not exist.
var entries = []string{
	binEntry, caEntry, kubeconfigEntry, kubeLockEntry, kwokEntry, kwokctlEntry, minioEntry, nodesEntry,
	programEntry, projectEntry, stackEntry, stateEntry, tempEntry, markEntry, labEntry,
}

const markText = "A lab of picluster created this file. `make down` removes what the lab created in this directory, and nothing else.\n"

// entry returns the path of something that the lab creates. It panics unless
// Remove knows the name.
func (l *Lab) entry(name string) string {
	if !slices.Contains(entries, name) {
		panic("lab: " + name + " is not one of entries")
	}
	return filepath.Join(l.Dir, name)
}

// claim creates the lab's directory and marks it. It fails if the directory has
// files and is not a lab's.
func (l *Lab) claim() error {
	if err := l.claimable(); err != nil {
		return err
	}
	if err := os.MkdirAll(l.entry(tempEntry), 0o700); err != nil {
		return err
	}
	return os.WriteFile(l.entry(markEntry), []byte(markText), 0o600)
}

// claimable returns an error if the directory has files and is not a lab's.
func (l *Lab) claimable() error {
	files, err := os.ReadDir(l.Dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(files) == 0 || l.marked() {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("LAB_DIR: got %q, which has other files and no lab; want a new, an empty, or a lab's directory. Fix: LAB_DIR=%s make up",
		l.Dir, filepath.Join(l.Dir, "lab"))
}

// marked reports whether the directory is a lab's: it has the mark, or, from
// versions that set none, a lab.json with a lab's passwords.
func (l *Lab) marked() bool {
	if exists(l.entry(markEntry)) {
		return true
	}
	text, err := os.ReadFile(l.stateFile())
	var s state
	return err == nil && json.Unmarshal(text, &s) == nil && s.MinIOPassword != "" && s.Passphrase != ""
}

// removeEntries removes what the lab created, and the directory if that leaves it
// empty. It logs what is left.
func (l *Lab) removeEntries() error {
	for _, name := range entries {
		if err := os.RemoveAll(l.entry(name)); err != nil {
			return err
		}
	}
	files, err := os.ReadDir(l.Dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return os.Remove(l.Dir)
	}
	var left []string
	for _, file := range files {
		left = append(left, file.Name())
	}
	fmt.Fprintf(l.log, "lab: %s is not removed, because the lab did not create all of it: %s\n", l.Dir, strings.Join(left, ", "))
	return nil
}
