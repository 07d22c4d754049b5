package tracing_test

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/picluster/picluster/internal/helm"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-minio/sdk/go/minio"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	bucketType    = "minio:index/s3Bucket:S3Bucket"
	userType      = "minio:index/iamUser:IamUser"
	policyType    = "minio:index/iamPolicy:IamPolicy"
	namespaceType = "kubernetes:core/v1:Namespace"
	secretType    = "kubernetes:core/v1:Secret"
	configMapType = "kubernetes:core/v1:ConfigMap"
)

// create runs a program with one tracing, and returns the component's own error.
func create(t *testing.T, preview bool, args *tracing.Args, options ...componenttest.Option) ([]componenttest.Resource, error) {
	t.Helper()
	var own error
	resources, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		_, own = tracing.New(ctx, "tempo", args)
		return own
	}, options...)
	componenttest.AssertParents(t, resources)
	return resources, cmp.Or(own, err)
}

// created is create of an update that must succeed.
func created(t *testing.T, args *tracing.Args) []componenttest.Resource {
	t.Helper()
	resources, err := create(t, false, args)
	require.NoError(t, err)
	return resources
}

// TestParts has the names of all resources, by which a stack's state finds them.
func TestParts(t *testing.T) {
	var urns []string
	for _, r := range created(t, least(withCA, dataSourcesInConfigMap)) {
		urns = append(urns, strings.TrimPrefix(r.URN, "urn:pulumi:test::picluster::"))
	}
	const of = "picluster:tracing:Tracing$"
	assert.ElementsMatch(t, []string{
		"picluster:tracing:Tracing::tempo",
		of + "picluster:objectstore:ObjectStore::tempo",
		of + "picluster:objectstore:ObjectStore$minio:index/s3Bucket:S3Bucket::tempo-bucket",
		of + "picluster:objectstore:ObjectStore$minio:index/iamPolicy:IamPolicy::tempo-policy",
		of + "picluster:objectstore:ObjectStore$random:index/randomPassword:RandomPassword::tempo-secret-key",
		of + "picluster:objectstore:ObjectStore$minio:index/iamUser:IamUser::tempo-user",
		of + "picluster:objectstore:ObjectStore$minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment::tempo-attachment",
		of + "picluster:kubernetes:Namespace::tempo",
		of + "picluster:kubernetes:Namespace$kubernetes:core/v1:Namespace::tempo-namespace",
		of + "picluster:kubernetes:Secret::tempo",
		of + "picluster:kubernetes:Secret$kubernetes:core/v1:Secret::tempo-secret",
		of + "picluster:kubernetes:ConfigMap::tempo-ca",
		of + "picluster:kubernetes:ConfigMap$kubernetes:core/v1:ConfigMap::tempo-ca-configmap",
		of + "picluster:tempo:Tempo::tempo",
		of + "picluster:tempo:Tempo$random:index/randomPassword:RandomPassword::tempo-keys-salt",
		of + "picluster:tempo:Tempo$kubernetes:helm.sh/v3:Release::tempo-release",
		of + "picluster:grafana:Grafana::tempo",
		of + "picluster:grafana:Grafana$kubernetes:core/v1:ConfigMap::tempo-datasources",
	}, urns)
}

// TestWaits has the whole wiring: each part waits for what it needs.
func TestWaits(t *testing.T) {
	store := map[string][]string{
		"tempo-bucket":     {},
		"tempo-policy":     {"tempo-bucket"},
		"tempo-secret-key": {},
		"tempo-user":       {"tempo-bucket", "tempo-secret-key"},
		"tempo-attachment": {"tempo-policy", "tempo-user"},
		"tempo-namespace":  {},
		"tempo-keys-salt":  {},
	}
	for name, test := range map[string]struct {
		args *tracing.Args
		want map[string][]string
		none []string // of store
	}{
		"secret": {least(withCA, dataSourcesInConfigMap, networkPolicies), map[string][]string{
			"tempo-secret":          {"tempo-attachment", "tempo-namespace", "tempo-secret-key"},
			"tempo-ca-configmap":    {"tempo-namespace"},
			"tempo-release":         {"tempo-attachment", "tempo-bucket", "tempo-ca-configmap", "tempo-keys-salt", "tempo-namespace", "tempo-secret", "tempo-secret-key"},
			"tempo-datasources":     {"tempo-release"},
			"tempo-network-own":     {"tempo-namespace"},
			"tempo-network-query":   {"tempo-namespace"},
			"tempo-network-traces":  {"tempo-namespace"},
			"tempo-network-metrics": {"tempo-namespace"},
		}, nil},
		"inline": {least(func(a *tracing.Args) { a.Credentials = tracing.CredentialsInline }), map[string][]string{
			"tempo-release": {"tempo-attachment", "tempo-bucket", "tempo-keys-salt", "tempo-namespace", "tempo-secret-key"},
		}, nil},
		"existing": {least(func(a *tracing.Args) { a.Credentials = tracing.CredentialsExisting }), map[string][]string{
			"tempo-secret":  {}, // the SDK sends no dependencies of a read
			"tempo-user":    {"tempo-bucket", "tempo-namespace", "tempo-secret"},
			"tempo-release": {"tempo-attachment", "tempo-bucket", "tempo-keys-salt", "tempo-namespace", "tempo-secret"},
		}, []string{"tempo-secret-key"}},
		"existing user": {least(func(a *tracing.Args) {
			a.Credentials, a.ObjectStore.ExistingUser = tracing.CredentialsExisting, true
		}), map[string][]string{
			"tempo-secret":  {},
			"tempo-release": {"tempo-bucket", "tempo-keys-salt", "tempo-namespace", "tempo-secret"},
		}, []string{"tempo-secret-key", "tempo-user", "tempo-policy", "tempo-attachment"}},
		"another S3 server": {least(func(a *tracing.Args) {
			a.Credentials, a.ObjectStore.Existing = tracing.CredentialsExisting, true
		}), map[string][]string{
			"tempo-secret":  {},
			"tempo-release": {"tempo-keys-salt", "tempo-namespace", "tempo-secret"},
		}, []string{"tempo-secret-key", "tempo-user", "tempo-policy", "tempo-attachment", "tempo-bucket"}},
		"values only": {least(func(a *tracing.Args) { a.ValuesOnly = true }), map[string][]string{
			"tempo-secret": {"tempo-attachment", "tempo-namespace", "tempo-secret-key"},
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := maps.Clone(store)
			maps.Copy(want, test.want)
			for _, name := range test.none {
				delete(want, name)
			}
			assert.Equal(t, want, componenttest.Waits(created(t, test.args)))
		})
	}
}

// TestDefaults has what the least arguments create.
func TestDefaults(t *testing.T) {
	args := least()
	resources := created(t, args)
	assert.Equal(t, least(), args, "the caller's args are changed")
	assert.Equal(t, "tempo", componenttest.Find(t, resources, userType, "tempo-user").Inputs["name"].StringValue())
	policy := componenttest.Find(t, resources, policyType, "tempo-policy").Inputs
	assert.Equal(t, "tempo", policy["name"].StringValue())
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Sid":"TempoPermissions","Effect":"Allow",
		"Action":["s3:PutObject","s3:GetObject","s3:ListBucket","s3:DeleteObject","s3:GetObjectTagging","s3:PutObjectTagging"],
		"Resource":["arn:aws:s3:::traces/*","arn:aws:s3:::traces"]}]}`, policy["policy"].StringValue())
	namespace := componenttest.Find(t, resources, namespaceType, "tempo-namespace").Inputs["metadata"].ObjectValue()
	assert.Equal(t, "tempo", namespace["name"].StringValue())
	secret := componenttest.Find(t, resources, secretType, "tempo-secret").Inputs
	assert.Equal(t, "tempo-minio-secret", secret["metadata"].ObjectValue()["name"].StringValue())
	assert.Equal(t, "tempo", secret["metadata"].ObjectValue()["namespace"].StringValue())
	assert.Equal(t, map[string]any{"MINIO_ACCESS_KEY_ID": "tempo", "MINIO_SECRET_ACCESS_KEY": componenttest.SecretKey},
		componenttest.Secret(t, secret["stringData"]).Mappable())
	release := componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs
	assert.Equal(t, "tempo", release["namespace"].StringValue())
	assert.NotContains(t, fmt.Sprint(release), componenttest.SecretKey, "the key is in the release")
	assert.NotContains(t, fmt.Sprint(release), "caConfigMap")
}

// TestAccessKeyWaitsForTheRelease has what uses the access key wait until Tempo's pods have it,
// after which Pulumi deletes the user of the previous key.
func TestAccessKeyWaitsForTheRelease(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		tr, err := tracing.New(ctx, "tempo", least())
		if err != nil {
			return err
		}
		_, err = minio.NewS3Object(ctx, "of-access-key", &minio.S3ObjectArgs{BucketName: tr.AccessKey, ObjectName: pulumi.String("x")})
		return err
	})
	require.NoError(t, err)
	assert.Contains(t, componenttest.Waits(resources)["of-access-key"], "tempo-release")
}

// The actions of the bucket's user are the caller's, if given.
func TestActions(t *testing.T) {
	for _, change := range []func(*tracing.Args){
		func(a *tracing.Args) { a.ObjectStore.Actions = []string{"s3:*"} },
		func(a *tracing.Args) {
			a.ObjectStore.Statements = []objectstore.Statement{{Actions: []string{"s3:*"}}}
		},
	} {
		policy := componenttest.Find(t, created(t, least(change)), policyType, "tempo-policy").Inputs["policy"].StringValue()
		assert.Contains(t, policy, `"Action":["s3:*"]`)
		assert.NotContains(t, policy, "PutObject")
	}
}

func TestCA(t *testing.T) {
	resources := created(t, least(withCA))
	ca := componenttest.Find(t, resources, configMapType, "tempo-ca-configmap").Inputs
	assert.Equal(t, "tempo-minio-ca", ca["metadata"].ObjectValue()["name"].StringValue())
	assert.Equal(t, "tempo", ca["metadata"].ObjectValue()["namespace"].StringValue())
	assert.Equal(t, map[string]any{tempo.CAField: "PEM"}, ca["data"].Mappable())
	assert.Contains(t, fmt.Sprint(componenttest.Find(t, resources, helm.ReleaseToken, "tempo-release").Inputs["values"]), "tempo-minio-ca")
}

// outputs returns the component's outputs once all are known.
func outputs(t *testing.T, preview bool, args *tracing.Args, options ...componenttest.Option) map[string]any {
	t.Helper()
	known := make(chan map[string]any, 1)
	_, err := componenttest.Run(t, preview, nil, func(ctx *pulumi.Context) error {
		tr, err := tracing.New(ctx, "tempo", args)
		if err != nil {
			return err
		}
		pulumi.Map{
			"bucket": tr.Bucket, "namespace": tr.Namespace, "secretName": tr.SecretName, "accessKey": tr.AccessKey,
			"queryUrl": tr.QueryURL, "otlpGrpc": tr.OTLPGRPCEndpoint, "otlpHttp": tr.OTLPHTTPEndpoint,
			"otelCollector": tr.OtelCollectorValues, "grafana": tr.GrafanaValues, "tempo": tr.TempoValues,
		}.ToMapOutput().ApplyT(func(all map[string]any) error { known <- all; return nil })
		return nil
	}, options...)
	require.NoError(t, err)
	if preview {
		assert.Empty(t, known, "an output is known before anything exists")
		return nil
	}
	return <-known
}

// TestRegisteredOutputs has what a program in another language, and the state, see: the outputs
// of the component, by their names.
func TestRegisteredOutputs(t *testing.T) {
	for name, args := range map[string]*tracing.Args{
		"installed":   least(),
		"values only": least(func(a *tracing.Args) { a.ValuesOnly = true }),
	} {
		t.Run(name, func(t *testing.T) {
			want := outputs(t, false, args)
			for registered, field := range map[string]string{
				"otlpGrpcEndpoint": "otlpGrpc", "otlpHttpEndpoint": "otlpHttp", "otelCollectorValues": "otelCollector",
				"grafanaValues": "grafana", "tempoValues": "tempo",
			} {
				want[registered] = want[field]
				delete(want, field)
			}
			got := componenttest.Find(t, created(t, args), "picluster:tracing:Tracing", "tempo").Outputs.Mappable()
			assert.Equal(t, want, got)
		})
	}
}

func TestOutputs(t *testing.T) {
	outputs(t, true, least())

	got := outputs(t, false, least())
	assert.Contains(t, got["grafana"], "http://tempo-query-frontend.tempo.svc.cluster.local:3200")
	assert.Contains(t, got["otelCollector"], "tempo-distributor.tempo.svc.cluster.local:4317")
	delete(got, "grafana")
	delete(got, "otelCollector")
	assert.Equal(t, map[string]any{
		"bucket": "traces", "namespace": "tempo", "secretName": "tempo-minio-secret", "accessKey": "tempo", "tempo": "",
		"queryUrl": "http://tempo-query-frontend.tempo.svc.cluster.local:3200",
		"otlpGrpc": "tempo-distributor.tempo.svc.cluster.local:4317",
		"otlpHttp": "http://tempo-distributor.tempo.svc.cluster.local:4318",
	}, got)

	inline := outputs(t, false, least(func(a *tracing.Args) { a.Credentials = tracing.CredentialsInline }))
	assert.Empty(t, inline["secretName"], "there is no Secret")

	existing := outputs(t, false, least(func(a *tracing.Args) { a.Credentials = tracing.CredentialsExisting }))
	assert.Equal(t, "tempo-minio-secret", existing["secretName"])
	assert.Equal(t, componenttest.KeptUser, existing["accessKey"])

	only := outputs(t, false, least(func(a *tracing.Args) { a.ValuesOnly = true }))
	assert.Contains(t, only["tempo"], "bucket: traces")
	for _, name := range []string{"queryUrl", "otlpGrpc", "otlpHttp", "otelCollector", "grafana", "accessKey"} {
		assert.Empty(t, only[name], name)
	}
}

// TestExistingSecret gives the user the key that is in the Secret. Pods log in with the access
// key that is in it, which must be the user's.
func TestExistingSecret(t *testing.T) {
	existing := func(a *tracing.Args) { a.Credentials = tracing.CredentialsExisting }
	data := func(user string) componenttest.Option {
		return componenttest.SecretData(map[string]string{"MINIO_ACCESS_KEY_ID": user, "MINIO_SECRET_ACCESS_KEY": componenttest.KeptKey})
	}
	resources, err := create(t, false, least(existing), data("tempo"))
	require.NoError(t, err)
	assert.Equal(t, "tempo/tempo-minio-secret", componenttest.Find(t, resources, secretType, "tempo-secret").ID, "it is read")
	user := componenttest.Find(t, resources, userType, "tempo-user")
	assert.Equal(t, componenttest.KeptKey, componenttest.Secret(t, user.Inputs["secret"]).StringValue())

	for name, test := range map[string]struct {
		args *tracing.Args
		user string // in the Secret
		want string
	}{
		"another user": {least(existing), "loki", `secret tempo/tempo-minio-secret: MINIO_ACCESS_KEY_ID is not the name of the user, "tempo"`},
		"another version": {
			least(existing, func(a *tracing.Args) { a.ObjectStore.KeyVersion = 2 }), "tempo",
			`secret tempo/tempo-minio-secret: MINIO_ACCESS_KEY_ID is not the name of the user, "tempo.v2"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := create(t, false, test.args, data(test.user))
			assert.ErrorContains(t, err, test.want)
			assert.NotContains(t, fmt.Sprint(err), componenttest.KeptKey)
			for _, r := range resources {
				assert.NotEqual(t, userType, r.Type, "the key of a user is changed before")
				assert.NotEqual(t, helm.ReleaseToken, r.Type)
			}
		})
	}
	_, err = create(t, false, least(existing, func(a *tracing.Args) { a.ObjectStore.KeyVersion = 2 }), data("tempo.v2"))
	require.NoError(t, err, "the user of a later version")

	// An existing user's name is what the Secret says.
	got := outputs(t, false, least(existing, func(a *tracing.Args) { a.ObjectStore.ExistingUser = true }), data("another-user"))
	assert.Equal(t, "another-user", got["accessKey"])

	// So it is on another S3 server, whose keys may have other characters than MinIO's.
	resources, err = create(t, false, least(existing, func(a *tracing.Args) { a.ObjectStore.Existing = true }),
		componenttest.SecretData(map[string]string{"MINIO_ACCESS_KEY_ID": "GK31c2", "MINIO_SECRET_ACCESS_KEY": "a/b+c="}))
	require.NoError(t, err)
	for _, r := range resources {
		assert.False(t, strings.HasPrefix(r.Type, "minio:"), r.Name)
	}
	assert.Equal(t, "GK31c2", outputs(t, false, least(existing, func(a *tracing.Args) { a.ObjectStore.Existing = true }), data("GK31c2"))["accessKey"])

	// One field is missing.
	_, err = create(t, false, least(existing), componenttest.SecretData(map[string]string{"MINIO_ACCESS_KEY_ID": "tempo"}))
	assert.ErrorContains(t, err, `secret tempo/tempo-minio-secret: got no key "MINIO_SECRET_ACCESS_KEY"; want one`)
}

// The fields of the Secret have the names that the caller gives, in one that is created and in
// one that is read.
func TestFieldsOfTheSecret(t *testing.T) {
	resources := created(t, least(ownFields))
	secret := componenttest.Find(t, resources, secretType, "tempo-secret").Inputs
	assert.Equal(t, map[string]any{"S3_ACCESS_KEY_ID": "tempo", "S3_SECRET_ACCESS_KEY": componenttest.SecretKey},
		componenttest.Secret(t, secret["stringData"]).Mappable())

	existing := least(ownFields, func(a *tracing.Args) { a.Credentials = tracing.CredentialsExisting })
	resources, err := create(t, false, existing, componenttest.SecretData(map[string]string{
		"S3_ACCESS_KEY_ID": "tempo", "S3_SECRET_ACCESS_KEY": componenttest.KeptKey,
	}))
	require.NoError(t, err)
	user := componenttest.Find(t, resources, userType, "tempo-user")
	assert.Equal(t, componenttest.KeptKey, componenttest.Secret(t, user.Inputs["secret"]).StringValue())
	_, err = create(t, false, existing, componenttest.SecretData(map[string]string{
		"S3_ACCESS_KEY_ID": "loki", "S3_SECRET_ACCESS_KEY": componenttest.KeptKey,
	}))
	assert.ErrorContains(t, err, `secret tempo/tempo-minio-secret: S3_ACCESS_KEY_ID is not the name of the user, "tempo"`)
}

// In a namespace that does not exist yet the first preview reads no Secret, does not fail, and
// says what to do. Later ones know the namespace, and so does an update.
func TestFirstPreviewWithAnExistingSecret(t *testing.T) {
	existing := func(a *tracing.Args) { a.Credentials = tracing.CredentialsExisting }
	for name, test := range map[string]struct {
		args *tracing.Args
		keys string // in the command
	}{
		"user":          {least(existing), "MINIO_ACCESS_KEY_ID=tempo --from-file=MINIO_SECRET_ACCESS_KEY=FILE"},
		"version":       {least(existing, ownFields, func(a *tracing.Args) { a.ObjectStore.KeyVersion = 2 }), "S3_ACCESS_KEY_ID=tempo.v2 --from-file=S3_SECRET_ACCESS_KEY=FILE"},
		"existing user": {least(existing, func(a *tracing.Args) { a.ObjectStore.ExistingUser = true }), "MINIO_ACCESS_KEY_ID=USER --from-file=MINIO_SECRET_ACCESS_KEY=FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			var p componenttest.Program
			resources, err := create(t, true, test.args, componenttest.Into(&p))
			require.NoError(t, err)
			for _, r := range resources {
				assert.NotEqual(t, secretType, r.Type, "it is read before there is a namespace")
			}
			require.Len(t, p.Warnings, 1)
			assert.Contains(t, p.Warnings[0], "Secret tempo/tempo-minio-secret is not known in this preview")
			assert.Contains(t, p.Warnings[0], "Fix: run the update; in the stack's cluster, kubectl create secret generic tempo-minio-secret --namespace tempo --from-literal="+test.keys)
		})
	}
	for name, test := range map[string]struct {
		preview bool
		args    *tracing.Args
	}{
		"an update":             {false, least(existing)},
		"a namespace that is":   {true, least(existing, func(a *tracing.Args) { a.Namespace.Existing = true })},
		"a Secret of the stack": {true, least()},
	} {
		t.Run(name, func(t *testing.T) {
			var p componenttest.Program
			_, err := create(t, test.preview, test.args, componenttest.Into(&p))
			require.NoError(t, err)
			assert.Empty(t, p.Warnings)
		})
	}
}

func TestOptionsReachEveryChild(t *testing.T) {
	for name, test := range map[string]struct {
		args     *tracing.Args
		children int
	}{
		"all that is created": {least(withCA, dataSourcesInConfigMap, networkPolicies, watched(tracing.Monitoring{Dashboards: &grafana.DashboardsArgs{}})), 17},
		"all that is read": {least(func(a *tracing.Args) {
			a.Credentials, a.Namespace.Existing, a.ObjectStore.ExistingBucket = tracing.CredentialsExisting, true, true
			a.ObjectStore.ExistingUser, a.ValuesOnly = true, true
		}), 4},
	} {
		t.Run(name, func(t *testing.T) {
			children := componenttest.AssertOptions(t, func(ctx *pulumi.Context, opts ...pulumi.ResourceOption) error {
				_, err := tracing.New(ctx, "traces", test.args, opts...)
				return err
			})
			assert.Len(t, children, test.children)
		})
	}
}

// TestTwoClusters has everything of a cluster in that cluster, and on its S3 server.
func TestTwoClusters(t *testing.T) {
	resources := inClusters(t, []string{"a", "b"})
	seen := map[string]int{}
	for _, r := range resources {
		cluster := r.Name[:1]
		kind, _, _ := strings.Cut(r.Type, ":")
		if !r.Custom || kind == "pulumi" || kind == "random" {
			continue
		}
		seen[cluster+" "+kind]++
		assert.Contains(t, r.Provider, "::"+cluster+"-"+kind+"::", "%s %s", r.Type, r.Name)
	}
	for _, what := range []string{"a minio", "b minio"} {
		assert.Equal(t, 4, seen[what], what)
	}
	assert.Greater(t, seen["a kubernetes"], 5)
	assert.Equal(t, seen["a kubernetes"], seen["b kubernetes"])
	for name, waits := range componenttest.Waits(resources) {
		for _, other := range waits {
			assert.Equal(t, name[:1], other[:1], "%s waits for %s", name, other)
		}
	}
}

// inClusters creates tracing in each cluster, with explicit providers.
func inClusters(t *testing.T, clusters []string) []componenttest.Resource {
	t.Helper()
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		for _, cluster := range clusters {
			k, err := kubernetes.NewProvider(ctx, cluster+"-kubernetes", nil)
			if err != nil {
				return err
			}
			m, err := minio.NewProvider(ctx, cluster+"-minio", &minio.ProviderArgs{MinioServer: pulumi.String(cluster + ".example.com")})
			if err != nil {
				return err
			}
			if _, err := tracing.New(ctx, cluster, least(withCA, dataSourcesInConfigMap, networkPolicies), pulumi.Providers(k, m)); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	return resources
}

// Two in one namespace have objects of other names.
func TestTwoInOneNamespace(t *testing.T) {
	resources, err := componenttest.Run(t, false, nil, func(ctx *pulumi.Context) error {
		first, err := tracing.New(ctx, "one", least())
		if err != nil {
			return err
		}
		second := least(func(a *tracing.Args) {
			a.ObjectStore.Bucket, a.ObjectStore.User = pulumi.String("traces-2"), pulumi.String("tempo-2")
			a.Namespace.Name, a.Namespace.Existing = first.Namespace, true
			a.SecretName = pulumi.String("keys-2")
		}, releaseTwo)
		_, err = tracing.New(ctx, "two", second)
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, "tempo", componenttest.Find(t, resources, namespaceType, "two-namespace").ID)
	names := map[string]bool{}
	for _, r := range resources {
		if r.Type == secretType {
			names[r.Inputs["metadata"].ObjectValue()["name"].StringValue()] = true
		}
	}
	assert.Equal(t, map[string]bool{"tempo-minio-secret": true, "keys-2": true}, names)
}

// TestOutputsOfOthers gives names that are other resources' outputs.
func TestOutputsOfOthers(t *testing.T) {
	output := func(value string) pulumi.StringOutput { return pulumi.String(value).ToStringOutput() }
	resources := created(t, least(func(a *tracing.Args) {
		a.ObjectStore.Bucket, a.ObjectStore.User = output("of-another"), output("user-of-another")
		a.Namespace.Name, a.SecretName = output("namespace-of-another"), output("secret-of-another")
	}))
	secret := componenttest.Find(t, resources, secretType, "tempo-secret").Inputs
	assert.Equal(t, "secret-of-another", secret["metadata"].ObjectValue()["name"].StringValue())
	assert.Equal(t, "namespace-of-another", secret["metadata"].ObjectValue()["namespace"].StringValue())

	for name, change := range map[string]func(*tracing.Args){
		"Bucket: got":    func(a *tracing.Args) { a.ObjectStore.Bucket = output("Bad") },
		"User: got":      func(a *tracing.Args) { a.ObjectStore.User = output("B d") },
		`Name: got "B_d`: func(a *tracing.Args) { a.SecretName = output("B_d") },
		`Name: got "Bad`: func(a *tracing.Args) { a.Namespace.Name = output("Bad") },
	} {
		for _, preview := range []bool{false, true} {
			resources, err := create(t, preview, least(change))
			assert.ErrorContains(t, err, name)
			for _, r := range resources {
				assert.False(t, !preview && r.Type == helm.ReleaseToken, "%s: a release is created", name)
			}
		}
	}
}

func TestBadArgs(t *testing.T) {
	const badKey = "pass/word+ofAnother="
	for name, test := range map[string]struct {
		args *tracing.Args
		want []string // how each line starts
	}{
		"several": {
			least(func(a *tracing.Args) {
				a.ObjectStore.Bucket, a.ObjectStore.SecretKey = pulumi.String("B"), pulumi.String(badKey)
				a.Namespace.Name, a.Namespace.PodSecurity = pulumi.String("N"), "strict"
				a.Credentials, a.SecretName = "vault", pulumi.String("a/b")
			}, withoutEndpoint, grafanaWithoutName),
			[]string{
				`ObjectStore.Bucket: got "B"; want a bucket's name`,
				"ObjectStore.SecretKey: want 16 to 40 letters and digits",
				`Namespace.Name: got "N"; want `,
				`Namespace.PodSecurity: got "strict"; want one of restricted, baseline, privileged`,
				`Credentials: got "vault"; want one of secret, inline, existing`,
				`SecretName: got "a/b"; want `,
				"Tempo.",
				"Grafana.",
			},
		},
		"a user without its key": {
			least(func(a *tracing.Args) { a.ObjectStore.ExistingUser = true }),
			[]string{`Credentials: got "secret"; want existing with ObjectStore.ExistingUser, whose key is not created here`},
		},
		"another S3 server without its keys": {
			least(func(a *tracing.Args) { a.ObjectStore.Existing = true }),
			[]string{`Credentials: got "secret"; want existing with ObjectStore.Existing, whose key is not created here`},
		},
		"two keys": {
			least(func(a *tracing.Args) {
				a.Credentials, a.ObjectStore.SecretKey = tracing.CredentialsExisting, pulumi.String("givenSecretKey01")
			}),
			[]string{"ObjectStore.SecretKey: want nothing with Credentials: existing, which has the key"},
		},
		"what the component sets": {
			least(func(a *tracing.Args) {
				a.Tempo.Namespace, a.Tempo.Bucket, a.Tempo.SecretName = pulumi.String("x"), pulumi.String("x"), pulumi.String("x")
				a.Tempo.AccessKey, a.Tempo.SecretKey = pulumi.String("x"), pulumi.String(badKey)
				a.Grafana.TempoURL = pulumi.String("http://x")
			}),
			[]string{
				"Tempo.Namespace: want nothing: the component sets it",
				"Tempo.Bucket: want nothing: the component sets it",
				"Tempo.SecretName: want nothing: the component sets it",
				"Tempo.AccessKey: want nothing: the component sets it",
				"Tempo.SecretKey: want nothing: the component sets it",
				"Grafana.TempoURL: want nothing: the component sets it",
			},
		},
		"what has no effect with the keys inline": {
			least(ownFields, func(a *tracing.Args) {
				a.Credentials, a.SecretName = tracing.CredentialsInline, pulumi.String("keys")
			}),
			[]string{
				`SecretName: got "keys"; want nothing with Credentials: inline, because it has no effect without a Secret`,
				`Tempo.AccessKeyField: got "S3_ACCESS_KEY_ID"; want nothing with Credentials: inline`,
				`Tempo.SecretKeyField: got "S3_SECRET_ACCESS_KEY"; want nothing with Credentials: inline`,
			},
		},
		"what has no effect without a release": {
			least(grafanaWithoutName, networkPolicies, func(a *tracing.Args) {
				a.ValuesOnly = true
				a.Grafana.LokiURL, a.Grafana.Exemplars, a.Grafana.Preset.NodeGraph = pulumi.String("http://loki"), true, true
			}),
			[]string{
				"Tempo.Network: want nothing with ValuesOnly, because it has no effect without a release",
				"Grafana.LokiURL: want nothing with ValuesOnly",
				"Grafana.Preset: want nothing with ValuesOnly",
				"Grafana.Exemplars: want nothing with ValuesOnly",
				"Grafana.ConfigMap: want nothing with ValuesOnly",
			},
		},
		"streaming of a Tempo that does not": {
			least(func(a *tracing.Args) { a.Tempo.DisableStreamOverHTTP, a.Grafana.Preset.StreamOverHTTP = true, true }),
			[]string{"Grafana.Preset.StreamOverHTTP: got true; want false with Tempo.DisableStreamOverHTTP, because Tempo streams nothing then"},
		},
		"a bucket that is missing is one problem": {
			least(func(a *tracing.Args) { a.ObjectStore.Bucket = nil }),
			[]string{"ObjectStore.Bucket: got nothing; want a bucket's name"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := create(t, false, test.args)
			require.Error(t, err)
			assert.Empty(t, resources, "something is registered")
			assert.NotContains(t, err.Error(), badKey)
			text, found := strings.CutPrefix(err.Error(), `tracing "tempo": `)
			assert.True(t, found, err)
			assert.Equal(t, text, test.args.Validate().Error())
			lines := strings.Split(text, "\n")
			if assert.Len(t, lines, len(test.want), text) {
				for i, line := range lines {
					assert.Truef(t, strings.HasPrefix(line, test.want[i]), "%s\ndoes not start with\n%s", line, test.want[i])
				}
			}
		})
	}
	_, err := create(t, false, nil)
	assert.EqualError(t, err, "tracing: args are missing")
	assert.NoError(t, least().Validate())
	assert.NoError(t, least(zipkinAlone).Validate())
}

// A zero value is an error, and no panic.
func TestZeroValue(t *testing.T) {
	resources, err := create(t, false, &tracing.Args{})
	assert.Error(t, err)
	assert.Empty(t, resources)
	assert.NotPanics(t, func() { _ = tracing.Args{}.Validate() })
}

// What is secret is so from where it is generated to the Secret.
func TestSecrets(t *testing.T) {
	for _, preview := range []bool{false, true} {
		resources, err := create(t, preview, least(dataSourcesInConfigMap))
		require.NoError(t, err)
		for _, r := range resources {
			if !strings.Contains(fmt.Sprint(r.Inputs), componenttest.SecretKey) {
				continue
			}
			assert.True(t, resource.NewProperty(r.Inputs).ContainsSecrets(), r.Name)
			for key, value := range r.Inputs {
				if strings.Contains(fmt.Sprint(value), componenttest.SecretKey) {
					assert.True(t, value.IsSecret(), "%s of %s is in plain text", key, r.Name)
				}
			}
		}
	}
}

// An output of a part has the same name in the whole.
func TestOneNameForOneOutput(t *testing.T) {
	shared := 0
	whole := reflect.TypeFor[tracing.Tracing]()
	for i := range whole.NumField() {
		field := whole.Field(i)
		if of, found := reflect.TypeFor[tempo.Tempo]().FieldByName(field.Name); found && !field.Anonymous {
			shared++
			assert.Equal(t, of.Tag, field.Tag, field.Name)
		}
	}
	assert.Equal(t, 4, shared)

	// What is registered has the names of the tags: a program in another language reads them.
	for _, r := range created(t, least()) {
		of := map[string]reflect.Type{"picluster:tracing:Tracing": whole, "picluster:tempo:Tempo": reflect.TypeFor[tempo.Tempo]()}[r.Type]
		if of == nil {
			continue
		}
		var tags []string
		for i := range of.NumField() {
			if tag := of.Field(i).Tag.Get("pulumi"); tag != "" {
				tags = append(tags, tag)
			}
		}
		var names []string
		for name := range r.Outputs {
			names = append(names, string(name))
		}
		assert.ElementsMatch(t, tags, names, r.Type)
	}
}
