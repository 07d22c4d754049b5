package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// TestPods has pods waited for unless an explicit provider has the cluster.
func TestPods(t *testing.T) {
	_, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		cluster, err := kubernetes.NewProvider(ctx, "cluster", nil)
		if err != nil {
			return err
		}
		store, err := minio.NewProvider(ctx, "store", &minio.ProviderArgs{
			MinioServer: pulumi.String("minio:9000"), MinioUser: pulumi.String("admin"), MinioPassword: pulumi.String("secret"),
		})
		if err != nil {
			return err
		}
		for _, test := range []struct {
			name string
			opts []pulumi.ResourceOption
			want bool
		}{
			{"no provider", nil, true},
			{"another provider", []pulumi.ResourceOption{pulumi.Providers(store)}, true},
			{"a provider of the cluster", []pulumi.ResourceOption{pulumi.Providers(store, cluster)}, false},
		} {
			if waits := pods(ctx, 0, test.opts) != nil; waits != test.want {
				t.Errorf("%s: waits for pods: %t", test.name, waits)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTracingSets has Tracing reject what the schema does not have in its parts.
func TestTracingSets(t *testing.T) {
	args := tracing.Args{
		ObjectStore: objectstore.Args{Bucket: pulumi.String("bucket")},
		Tempo:       tempo.Args{Endpoint: pulumi.String("minio:9000")},
	}
	if err := args.Validate(); err != nil {
		t.Fatal(err)
	}
	for typ, part := range partOfTracing {
		for _, property := range part.sets {
			bad := args
			target := reflect.ValueOf(&bad).Elem().FieldByName(part.name)
			for i := range typ.NumField() {
				if tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("pulumi"), ","); tag == property {
					target.Field(i).Set(reflect.ValueOf(pulumi.String("tempo")))
				}
			}
			err := inProperties(bad.Validate(), reflect.TypeFor[tracing.Args]())
			path := strings.ToLower(part.name[:1]) + part.name[1:] + "." + property + ":"
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s %v", path, err)
			}
		}
	}
}

func TestInProperties(t *testing.T) {
	plain := errors.New("plain")
	if got := inProperties(plain, reflect.TypeFor[tracing.Args]()); got != plain {
		t.Errorf("got %v", got)
	}
	if got := inProperties(nil, reflect.TypeFor[tracing.Args]()); got != nil {
		t.Errorf("got %v", got)
	}
	var problems field.Errors
	problems.Add("Tempo.Network.AllowQueryFrom[0]", "a_b", "a DNS label")
	problems.Add("Tempo.Replicas.querier", 0, "1 or more")
	problems.Add("ObjectStore", nil, "a bucket")
	got := inProperties(fmt.Errorf("tracing %q: %w", "tempo", problems), reflect.TypeFor[tracing.Args]())
	want := `tracing "tempo": tempo.network.allowQueryFrom[0]: got "a_b"; want a DNS label
tempo.replicas.querier: got 0; want 1 or more
objectStore: want a bucket`
	if got.Error() != want {
		t.Errorf("got %v\nwant %s", got, want)
	}
	if path := propertyPath("Tenants[1].Preset.LokiUID", reflect.TypeFor[grafana.Args]()); path != "tenants[1].preset.lokiUid" {
		t.Errorf("got %s", path)
	}
}

// TestProvider has the components found by the tokens of the schema.
func TestProvider(t *testing.T) {
	if _, err := newProvider(); err != nil {
		t.Fatal(err)
	}
	for _, c := range components {
		if token := typeToken(reflect.TypeOf(c.resource)); !strings.Contains(schema, `"`+token+`"`) {
			t.Errorf("the schema lacks %s", token)
		}
	}
}

// A generated SDK, and a program that the package was added to, name the package's version: it
// is an input of the provider.
func TestProviderWithAVersion(t *testing.T) {
	p, err := newProvider()
	must(t, err)
	inputs := property.NewMap(map[string]property.Value{"version": property.New("0.0.1")})
	response, err := p.CheckConfig(t.Context(), provider.CheckRequest{Inputs: inputs})
	must(t, err)
	if got := response.Inputs.Get("version"); !got.IsString() || got.AsString() != "0.0.1" || len(response.Failures) > 0 {
		t.Errorf("got %v and %v; want the version", response.Inputs, response.Failures)
	}
}
