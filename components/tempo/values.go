package tempo

// The fields of the Secret that hold the keys of the bucket's user. The pods
// have them as environment variables of the same names, which Tempo puts into
// its configuration.
const (
	AccessKeyField = "MINIO_ACCESS_KEY_ID"
	SecretKeyField = "MINIO_SECRET_ACCESS_KEY"
)

// Settings is what the chart's values depend on.
type Settings struct {
	// Release is the release's name, which every Service's name starts with.
	Release string
	// Bucket is where the traces are kept.
	Bucket string
	// Endpoint is the S3 server's host and port, as the pods reach it.
	Endpoint string
	// Region is the S3 server's region.
	Region string
	// Insecure has Tempo talk to the S3 server without TLS.
	Insecure bool
	// SecretName names the Secret with the fields AccessKeyField and
	// SecretKeyField.
	SecretName string
}

// s3Services are the services of chart line 1.x that reach the S3 server and so
// need the keys. Source: the how-to's GitOps section.
var s3Services = []string{
	"distributor",
	"ingester",
	"compactor",
	"querier",
	"queryFrontend",
	"metricsGenerator",
}

// Values returns the values of chart tempo-distributed, line 1.x. No credential
// is among them, only the Secret's name.
func Values(s Settings) map[string]any {
	values := map[string]any{
		// Else the chart makes its own of the release's name: "tempo" stays, but
		// "traces" becomes "traces-tempo".
		"fullnameOverride": s.Release,

		// Tempo would tell Grafana Labs of its use once every four hours.
		"reportingEnabled": false,

		// Grafana's streaming search goes over HTTP/2 to the query-frontend.
		"streamOverHTTPEnabled": true,

		"traces": map[string]any{
			"otlp": map[string]any{
				"grpc": enabled(),
				"http": enabled(),
			},
			"zipkin": enabled(),
			"jaeger": map[string]any{
				"thriftCompact": enabled(),
				"thriftHttp":    enabled(),
			},
			"opencensus": enabled(),
		},

		"storage": map[string]any{
			"trace": map[string]any{
				"backend": "s3",
				"s3": map[string]any{
					"bucket":     s.Bucket,
					"endpoint":   s.Endpoint,
					"region":     s.Region,
					"access_key": "${" + AccessKeyField + "}",
					"secret_key": "${" + SecretKeyField + "}",
					"insecure":   s.Insecure,
				},
			},
		},

		"distributor": map[string]any{
			"config": map[string]any{
				"log_received_spans": enabled(),
			},
		},

		"metricsGenerator": map[string]any{
			"enabled": true,
			"config": map[string]any{
				"processor": map[string]any{
					"local_blocks": map[string]any{
						"filter_server_spans": false,
						"flush_to_storage":    true,
					},
				},
			},
		},

		// The generator has no processor until the overrides name one: without
		// this, {}|rate() answers with no series (seen with Tempo 2.9.0).
		"overrides": map[string]any{
			"defaults": map[string]any{
				"metrics_generator": map[string]any{
					"processors": []any{"local-blocks"},
				},
			},
		},

		"minio": map[string]any{"enabled": false},
	}

	for _, service := range s3Services {
		section, ok := values[service].(map[string]any)
		if !ok {
			section = map[string]any{}
			values[service] = section
		}
		section["extraArgs"] = []any{"-config.expand-env=true"}
		section["extraEnv"] = []any{
			fromSecret(s.SecretName, AccessKeyField),
			fromSecret(s.SecretName, SecretKeyField),
		}
	}
	return values
}

func enabled() map[string]any { return map[string]any{"enabled": true} }

func fromSecret(secret, field string) map[string]any {
	return map[string]any{
		"name": field,
		"valueFrom": map[string]any{
			"secretKeyRef": map[string]any{"name": secret, "key": field},
		},
	}
}
