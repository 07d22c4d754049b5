package tracing_test

import (
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ofTenant(multiTenancy bool, tenant string) *tracing.Args {
	a := &tracing.Args{
		ObjectStore: objectstore.Args{Bucket: pulumi.String("traces")},
		Tempo:       tempo.Args{Endpoint: pulumi.String("s3:9000"), MultiTenancy: multiTenancy},
	}
	a.Grafana.Preset.TempoTenant = tenant
	return a
}

// Grafana and the collector name the tenant exactly if Tempo is multi-tenant.
func TestTempoTenant(t *testing.T) {
	for name, test := range map[string]struct {
		args *tracing.Args
		want string
	}{
		"multi-tenant":        {ofTenant(true, "team"), ""},
		"no tenants":          {ofTenant(false, ""), ""},
		"no tenant":           {ofTenant(true, ""), "Grafana.Preset.TempoTenant: got nothing; want a tenant with Tempo.MultiTenancy"},
		"without tenants":     {ofTenant(false, "team"), `Tempo.MultiTenancy: got false; want true with Grafana.Preset.TempoTenant`},
		"two tenants":         {ofTenant(true, "a|b"), `Grafana.Preset.TempoTenant: got "a|b"; want 1 to 150 letters`},
		"another directory":   {ofTenant(true, ".."), `Grafana.Preset.TempoTenant: got ".."; want 1 to 150 letters`},
		"managed elsewhere":   {func() *tracing.Args { a := ofTenant(true, ""); a.ValuesOnly = true; return a }(), ""},
		"all that is allowed": {ofTenant(true, "aZ0-_."), ""},
	} {
		err := test.args.Validate()
		if test.want == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, test.want, name)
		}
	}
}

func TestTempoTenantInTheCollector(t *testing.T) {
	for _, tenant := range []string{"", "team"} {
		var values string
		_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
			all, err := tracing.New(ctx, "tempo", ofTenant(tenant != "", tenant))
			if err == nil {
				all.OtelCollectorValues.ApplyT(func(text string) string { values = text; return text })
			}
			return err
		})
		require.NoError(t, err)
		assert.Contains(t, values, "otlp/tempo")
		if tenant == "" {
			assert.NotContains(t, values, "headers")
		} else {
			assert.Contains(t, values, "X-Scope-OrgID: team")
		}
	}
}
