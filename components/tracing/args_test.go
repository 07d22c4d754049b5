package tracing_test

import (
	"github.com/picluster/picluster/components/grafana"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/components/tracing"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// least are the least arguments, with changes.
func least(changes ...func(*tracing.Args)) *tracing.Args {
	args := &tracing.Args{
		ObjectStore: objectstore.Args{Bucket: pulumi.String("traces")},
		Tempo:       tempo.Args{Endpoint: pulumi.String("s3.example.com:9000")},
	}
	for _, change := range changes {
		change(args)
	}
	return args
}

func withCA(a *tracing.Args)          { a.Tempo.CA = "PEM" }
func withoutEndpoint(a *tracing.Args) { a.Tempo.Endpoint = nil }

func ownFields(a *tracing.Args) {
	a.Tempo.AccessKeyField, a.Tempo.SecretKeyField = "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"
}

func releaseTwo(a *tracing.Args) { a.Tempo.Release = pulumi.String("two") }

func zipkinAlone(a *tracing.Args) { a.Tempo.Receivers = []string{"zipkin"} }

func dataSourcesInConfigMap(a *tracing.Args) {
	a.Grafana.ConfigMap = &grafana.ConfigMap{Name: pulumi.String("tempo-datasources"), Namespace: pulumi.String("monitoring")}
}

func grafanaWithoutName(a *tracing.Args) {
	a.Grafana.ConfigMap = &grafana.ConfigMap{Name: pulumi.String("a/b"), Namespace: pulumi.String("monitoring")}
}

func networkPolicies(a *tracing.Args) {
	a.Tempo.Network = &tempo.Network{
		AllowTracesFrom: []pulumi.StringInput{pulumi.String("apps")},
		AllowQueryFrom:  []pulumi.StringInput{pulumi.String("monitoring")},
	}
}
