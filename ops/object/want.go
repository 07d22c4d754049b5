package object

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// controllers are the managers of fields that are Kubernetes itself: what they
// write is not drift. In K3s all of them are one process.
var controllers = []string{
	"cloud-controller-manager", "k3s", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet",
}

// owners are how the managers' names start that put the manifest there. The first
// is the API server's word for all that was there before anybody applied it.
var owners = []string{"before-first-apply", "helm", "picluster", "pulumi"}

// Want returns live as its manifest would have it. What the manifest says is set,
// what somebody has added by hand is taken out, and the rest is left as it is:
// what the API server fills in, what controllers own, the status, and labels and
// annotations that the manifest does not have.
//
// Who has added a field is told by live's managedFields. In an object that
// nobody of owners has written (one that was restored from a backup, for one)
// additions cannot be told from what was filled in, and are left alone.
func Want(manifest, live *Object) (*Object, error) {
	manifest, err := Normal(manifest)
	if err != nil {
		return nil, err
	}
	want := live.DeepCopy()
	if want.Object, err = merge(want.Object, manifest); err != nil {
		return nil, err
	}

	owned, others, controlled := fields(live)
	if owned != nil {
		for _, other := range others {
			prune(other, owned, want.Object, manifest.Object)
		}
	}
	fill(want.Object, manifest.Object, live.Object)
	for _, fields := range controlled {
		keep(fields, want.Object, live.Object)
	}
	if status, found := live.Object["status"]; found {
		want.Object["status"] = status
	} else {
		delete(want.Object, "status")
	}
	return want, nil
}

// merge returns live with what the manifest says, by the rules of `kubectl apply`.
func merge(live map[string]any, manifest *Object) (map[string]any, error) {
	if typed, err := scheme.Scheme.New(manifest.GroupVersionKind()); err == nil {
		patch := manifest.DeepCopy().Object
		return strategicpatch.StrategicMergeMapPatch(live, patch, typed)
	}
	overlay(live, manifest.Object)
	return live, nil
}

// overlay puts the fields of a manifest over live. It replaces lists as a whole:
// only Kubernetes's own kinds say what an item of theirs is known by.
func overlay(live, manifest map[string]any) {
	for key, value := range manifest {
		section, isMap := value.(map[string]any)
		if into, ok := live[key].(map[string]any); ok && isMap {
			overlay(into, section)
			continue
		}
		live[key] = value
	}
}

// fields returns live's fields by who manages them, in the form of managedFields:
// those of owners together (nil if there are none), and those of each other
// manager and of each controller.
func fields(live *Object) (owned map[string]any, others, controlled []map[string]any) {
	for _, entry := range live.GetManagedFields() {
		var tree map[string]any
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &tree) != nil {
			continue
		}
		switch {
		case isController(entry.Manager):
			controlled = append(controlled, tree)
		case isOwner(entry.Manager):
			if owned == nil {
				owned = map[string]any{}
			}
			join(owned, tree)
		default:
			others = append(others, tree)
		}
	}
	return owned, others, controlled
}

// LastEditor returns who but owners and controllers wrote to live last, and when,
// as people read it; empty if nobody did.
func LastEditor(live *Object) string {
	var editor string
	var last time.Time
	for _, entry := range live.GetManagedFields() {
		if entry.Subresource == "status" || isController(entry.Manager) || isOwner(entry.Manager) {
			continue
		}
		if entry.Time == nil { // kubectl scale, for one, leaves none
			if editor == "" {
				editor = entry.Manager
			}
			continue
		}
		if entry.Time.After(last) {
			last = entry.Time.Time
			editor = entry.Manager + ", " + last.UTC().Format(time.DateTime)
		}
	}
	return editor
}

func isController(manager string) bool { return slices.Contains(controllers, manager) }

func isOwner(manager string) bool {
	return slices.ContainsFunc(owners, func(prefix string) bool { return strings.HasPrefix(manager, prefix) })
}

func join(into, tree map[string]any) {
	for key, child := range tree {
		section, _ := child.(map[string]any)
		if have, ok := into[key].(map[string]any); ok {
			join(have, section)
			continue
		}
		into[key] = maps.Clone(section)
	}
}
