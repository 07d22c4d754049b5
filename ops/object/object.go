// Package object reads Kubernetes objects, compares them, and shows how they
// differ without showing what a Secret holds.
package object

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// Object is a Kubernetes object of any kind.
type Object = unstructured.Unstructured

// Parse returns the objects of a manifest, as Helm renders it: YAML documents,
// some of them empty.
func Parse(manifest string) ([]*Object, error) {
	var objects []*Object
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewBufferString(manifest), 4096)
	for {
		var raw runtime.RawExtension
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if document := bytes.TrimSpace(raw.Raw); len(document) == 0 || bytes.Equal(document, []byte("null")) {
			continue
		}
		object := &Object{}
		if err := object.UnmarshalJSON(raw.Raw); err != nil {
			return nil, err
		}
		if list, err := object.ToList(); object.IsList() && err == nil {
			for i := range list.Items {
				objects = append(objects, &list.Items[i])
			}
			continue
		}
		objects = append(objects, object)
	}
}

// Name returns the name of an object in messages: its kind, namespace and name. The namespace may
// be empty.
func Name(o *Object) string {
	if o.GetNamespace() == "" {
		return fmt.Sprintf("%s %s", o.GetKind(), o.GetName())
	}
	return fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())
}

// Sort puts objects in the order of their names.
func Sort(objects []*Object) {
	slices.SortFunc(objects, func(a, b *Object) int { return cmp.Compare(Name(a), Name(b)) })
}

// Normal returns an object as the API server would store it, without the defaults that it would
// add: quantities in their shortest form, a Secret's text in base64, and nothing that is empty.
// An object of a kind that is not Kubernetes's own stays as it is.
func Normal(o *Object) (*Object, error) {
	normal := o.DeepCopy()
	if IsSecret(normal) {
		encodeText(normal)
	}
	typed, err := scheme.Scheme.New(normal.GroupVersionKind())
	if err != nil {
		return normal, nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(normal.Object, typed); err != nil {
		return nil, fmt.Errorf("%s: %w", Name(o), err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Name(o), err)
	}
	said, _ := only(content, normal.Object).(map[string]any)
	delete(said, "status")
	normal.Object, _ = trim(said).(map[string]any)
	return normal, nil
}

// only returns value without what asked does not have: Go's types write a zero
// for some of the fields that no manager has set.
func only(value, asked any) any {
	switch value := value.(type) {
	case map[string]any:
		section, _ := asked.(map[string]any)
		for key, child := range value {
			if wanted, found := section[key]; found {
				value[key] = only(child, wanted)
			} else {
				delete(value, key)
			}
		}
	case []any:
		items, _ := asked.([]any)
		for i := range min(len(value), len(items)) {
			value[i] = only(value[i], items[i])
		}
	}
	return value
}

// IsSecret returns whether an object is a Secret.
func IsSecret(o *Object) bool {
	return o.GetKind() == "Secret" && o.GroupVersionKind().Group == ""
}

// encodeText moves a Secret's stringData to where the API server keeps it.
func encodeText(secret *Object) {
	text, found, err := unstructured.NestedStringMap(secret.Object, "stringData")
	if err != nil || !found {
		return
	}
	unstructured.RemoveNestedField(secret.Object, "stringData")
	for key, value := range text {
		// This fails only if data is not a map, which the API server rejects too.
		_ = unstructured.SetNestedField(secret.Object, base64.StdEncoding.EncodeToString([]byte(value)), "data", key)
	}
}

// trim removes what is null or empty, at all depths: it asks for nothing.
func trim(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			if child = trim(child); child == nil {
				delete(value, key)
			} else {
				value[key] = child
			}
		}
		if len(value) == 0 {
			return nil
		}
	case []any:
		if len(value) == 0 {
			return nil
		}
	}
	return value
}
