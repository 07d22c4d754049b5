package kubernetes

import (
	"maps"
	"slices"
	"strings"

	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/kube"
)

// maxAnnotations is the largest total size of an object's annotations that Kubernetes accepts,
// in bytes.
const maxAnnotations = 256 << 10

// checkMetadata appends a problem for each label and annotation that Kubernetes rejects.
func checkMetadata(errs *field.Errors, labels, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		path := credential.Join("Labels", key)
		errs.Check(path, key, kube.ValidateLabelKey(key))
		errs.Check(path, labels[key], kube.ValidateLabelValue(labels[key]))
	}
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		// The prefix of an annotation can have capital letters.
		errs.Check(credential.Join("Annotations", key), key, kube.ValidateLabelKey(strings.ToLower(key)))
		size += len(key) + len(annotations[key])
	}
	if size > maxAnnotations {
		errs.Add("Annotations", size, "at most %d bytes", maxAnnotations)
	}
}
