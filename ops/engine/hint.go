package engine

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
)

// hints are what to do about errors whose own words do not say it, by a phrase of
// the error's. The first that fits counts.
var hints = []struct{ phrase, wayOut string }{
	{"database space exceeded", "etcd, the store of Kubernetes, is full: compact and defragment it, and take its alarm away with `etcdctl alarm disarm`. Then up again"},
	{"another operation (install/upgrade/rollback) is in progress", "an operation of Helm was cut off: `helm rollback RELEASE --namespace NAMESPACE`, or `helm uninstall` if it was the first. Then up again"},
	{"because it is being terminated", "the namespace is still being deleted: wait until it is gone; if it stays, `kubectl get namespace NAME -o yaml` says what keeps it. Then up again"},
	{"object is being deleted", "the namespace is still being deleted: wait until it is gone; if it stays, `kubectl get namespace NAME -o yaml` says what keeps it. Then up again"},
	{"exceeded quota", "a ResourceQuota of the namespace has no room for it: raise it, or choose a smaller profile. Then up again"},
	{"violates PodSecurity", "the namespace's Pod Security Standard refuses the pod: take out the value that asks for too much, or choose another podSecurity. Then up again"},
	{"available within allocated timeout", "pods of the release are not ready: `kubectl get pods --namespace NAMESPACE` and `kubectl describe` say why. Mend it, then up again"},
	{"context deadline exceeded", "pods of the release are not ready: `kubectl get pods --namespace NAMESPACE` and `kubectl describe` say why. Mend it, then up again"},
	{"' does not exist", "the Secret of credentials: existing is not there: have it put into the namespace, with the keys MINIO_ACCESS_KEY_ID and MINIO_SECRET_ACCESS_KEY. Then up again"},
	{"bucket already exists", "the bucket is there already: `make adopt` takes it in with its objects. Then up again"},
	{"marked for protection", "the bucket is protected: if it is to go, or to be another, `pulumi config set protectBucket false`, up, and then again"},
	{"unreachable", "the Kubernetes API does not answer: start it, or mend kubernetes:kubeconfig. Then up again, which goes on from here"},
	{"connection refused", "what is asked for at that address does not run: start it, or mend the address. Then up again, which goes on from here"},
	{"failed to load checkpoint", "the state is cut off, as a full disk leaves it: copy the one before over it, which is beside it: in a folder, .pulumi/stacks/picluster/NAME.json.bak over NAME.json. Then up again"},
	{"no space left on device", "the disk is full: make room. Then up again, which goes on from here"},
	{"file too large", "there is no room for the state: make some. Then up again, which goes on from here"},
}

// wayOut returns what to do about errors, a line for each; empty if their own
// words say it.
func wayOut(errors []string) string {
	var lines []string
	for _, text := range errors {
		for _, hint := range hints {
			if strings.Contains(text, hint.phrase) {
				lines = append(lines, hint.wayOut)
				break
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

// loggedErrors returns the errors in an event log of the engine.
func loggedErrors(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	var found []string
	for decoder := json.NewDecoder(file); ; {
		var event struct {
			Diagnostic *struct {
				Message  string `json:"message"`
				Severity string `json:"severity"`
			} `json:"diagnosticEvent"`
		}
		if decoder.Decode(&event) != nil {
			return found
		}
		if event.Diagnostic != nil && event.Diagnostic.Severity == "error" {
			found = append(found, event.Diagnostic.Message)
		}
	}
}
