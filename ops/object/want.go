package object

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// controllers are the field managers of Kubernetes itself. What they write is not
// drift. K3s runs all of them as one process, as does MicroK8s with kubelite.
var controllers = []string{
	"cloud-controller-manager", "k3s", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubelite",
}

// owners are prefixes of the field managers that write the manifest. The API
// server uses before-first-apply for all fields from before the first apply.
// Older versions of the commands wrote as picluster.
var owners = []string{"before-first-apply", "helm", "picluster", "pulumi"}

// Want returns live with the fields of manifest, and without the fields that other
// clients have added. It leaves the rest as it is: defaults of the API server,
// fields of controllers, the status, and labels and annotations that the manifest
// does not have.
//
// The managedFields of live say which client has added a field. If none of owners
// has written live, as after a restore from a backup, Want removes no fields,
// because an added field looks like a default then.
func Want(manifest, live *Object) (*Object, error) { return want(manifest, live, true) }

// Restored returns live as a repair leaves it: as Want, but with the fields that
// other clients have added.
func Restored(manifest, live *Object) (*Object, error) { return want(manifest, live, false) }

func want(manifest, live *Object, pruned bool) (*Object, error) {
	manifest, err := Normal(manifest)
	if err != nil {
		return nil, err
	}
	want := live.DeepCopy()
	if want.Object, err = merge(want.Object, manifest); err != nil {
		return nil, err
	}

	owned, others, controlled := fields(live)
	if owned != nil && pruned {
		prune(others.Difference(owned), owned, want.Object, manifest.Object)
	}
	fill(want.Object, manifest.Object, live.Object)
	keep(controlled, want.Object, live.Object)
	if status, found := live.Object["status"]; found {
		want.Object["status"] = status
	} else {
		delete(want.Object, "status")
	}
	return want, nil
}

// merge returns live with the fields of manifest, by the rules of `kubectl apply`.
func merge(live map[string]any, manifest *Object) (map[string]any, error) {
	if typed, err := scheme.Scheme.New(manifest.GroupVersionKind()); err == nil {
		patch := manifest.DeepCopy().Object
		return strategicpatch.StrategicMergeMapPatch(live, patch, typed)
	}
	overlay(live, manifest.Object)
	return live, nil
}

// overlay sets the fields of manifest in live. It replaces lists as a whole,
// because only Kubernetes' own kinds say which fields identify an item.
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

// fields returns live's fields by the managers that wrote them: owners (nil if
// there are none), controllers and others.
func fields(live *Object) (owned, others, controlled *fieldpath.Set) {
	others, controlled = fieldpath.NewSet(), fieldpath.NewSet()
	for _, entry := range live.GetManagedFields() {
		set := fieldpath.NewSet()
		if entry.FieldsV1 == nil || set.FromJSON(entry.FieldsV1.GetRawReader()) != nil {
			continue
		}
		switch {
		case isController(entry.Manager):
			controlled = controlled.Union(set)
		case !isOwner(entry.Manager):
			others = others.Union(set)
		case owned == nil:
			owned = set
		default:
			owned = owned.Union(set)
		}
	}
	return owned, others, controlled
}

// LastEditor returns the field manager, other than owners and controllers, that
// wrote to live last, and the time in UTC; empty if there is none.
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
