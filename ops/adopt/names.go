package adopt

import (
	"fmt"
	"strings"

	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/object"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// named returns an error if an up would not update the StatefulSets of an imported release: if
// it gives them other names, Helm deletes their pods with the traces that those have not
// written to the bucket; if it gives them another selector, which is immutable, Helm fails.
// The charts call an object RELEASE-CHART unless the release's name contains the chart's.
func named(r *engine.Resource, record *release.Release) error {
	objects, err := object.Parse(record.Manifest)
	if err != nil {
		return err
	}
	values, _ := r.Inputs["values"].(map[string]any)
	name, _ := values["fullnameOverride"].(string)
	label, _ := values["nameOverride"].(string)
	if name == "" {
		return nil
	}
	for _, o := range objects {
		if o.GetKind() != "StatefulSet" {
			continue
		}
		want, zones := name, false
		if service := o.GetLabels()["app.kubernetes.io/component"]; service != "" { // of chart tempo-distributed
			want, zones = want+"-"+service, true
		}
		if is := o.GetName(); is != want && (!zones || !strings.HasPrefix(is, want+"-")) {
			return incompatible(r, fmt.Sprintf("a StatefulSet %q; want %q, because up would delete %[1]q with the traces that it has not written", is, want))
		}
		is, _, _ := unstructured.NestedString(o.Object, "spec", "selector", "matchLabels", "app.kubernetes.io/name")
		if label != "" && is != "" && is != label && o.GetName() == name {
			return incompatible(r, fmt.Sprintf("a StatefulSet whose selector has app.kubernetes.io/name %q; want %q, because Kubernetes allows no other selector", is, label))
		}
	}
	return nil
}

// incompatible returns the error for a release that is left where it is.
func incompatible(r *engine.Resource, why string) error {
	return fmt.Errorf("release %s/%s: got %s. Fix: pulumi config set release NAME, for a release beside it (docs/adopt.md)",
		r.Text("namespace"), r.Text("name"), why)
}
