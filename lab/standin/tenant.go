package main

import (
	"errors"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// orgIDHeader is the header that names the tenant to a multi-tenant Tempo.
const orgIDHeader = "X-Scope-OrgID"

// singleTenant is the tenant of all traces of a Tempo that is not multi-tenant.
const singleTenant = "single-tenant"

// errNoOrgID is Tempo's own error.
var errNoOrgID = errors.New("no org id")

// tenant returns the tenant that a request is of, by its header.
func (c config) tenant(orgID string) (string, error) {
	switch {
	case !c.MultiTenancy:
		return singleTenant, nil
	case orgID == "":
		return "", errNoOrgID
	}
	return orgID, nil
}

// tenantAttribute is the attribute of a resource that has its tenant inside the stand-in:
// between its pods, in the write-ahead log and in the bucket.
const tenantAttribute = "standin.tenant"

// setTenant notes the tenant of received spans.
func setTenant(data *trace.TracesData, tenant string) {
	for _, r := range data.ResourceSpans {
		if r.Resource == nil {
			r.Resource = &resource.Resource{}
		}
		r.Resource.Attributes = append(withoutTenant(r.Resource.Attributes), &common.KeyValue{
			Key: tenantAttribute, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: tenant}},
		})
	}
}

// withoutTenant returns attributes as the sender has them.
func withoutTenant(attributes []*common.KeyValue) (kept []*common.KeyValue) {
	for _, a := range attributes {
		if a.Key != tenantAttribute {
			kept = append(kept, a)
		}
	}
	return kept
}

// tenant returns the tenant of the span.
func (s flatSpan) tenant() string {
	for _, a := range s.resource.GetResource().GetAttributes() {
		if a.Key == tenantAttribute {
			return a.Value.GetStringValue()
		}
	}
	return singleTenant
}

// ofTenant returns the spans of a tenant.
func ofTenant(tenant string, spans []flatSpan) (found []flatSpan) {
	for _, s := range spans {
		if s.tenant() == tenant {
			found = append(found, s)
		}
	}
	return found
}
