package tempo

import (
	"slices"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type m = map[string]any

func TestValuesThatAreMerged(t *testing.T) {
	for name, test := range map[string]struct {
		mode   string
		values m
	}{
		"nothing":           {chart.Microservices, nil},
		"replicas":          {chart.Microservices, m{"ingester": m{"replicas": 2}}},
		"more env":          {chart.Microservices, m{"ingester": m{"extraEnv": []any{m{"name": "GOGC", "value": "50"}}}}},
		"more of s3":        {chart.Microservices, m{"storage": m{"trace": m{"s3": m{"hedge_requests_at": "500ms"}}}}},
		"structured":        {chart.Microservices, m{"tempo": m{"structuredConfig": m{"querier": m{"max_concurrent_queries": 5}}}}},
		"a flag":            {chart.Microservices, m{"querier": m{"extraArgs": []any{"-log.level=debug"}}}},
		"a receiver's own":  {chart.Microservices, m{"traces": m{"otlp": m{"grpc": m{"receiverConfig": m{"max_recv_msg_size_mib": 16}}}}}},
		"a gateway":         {chart.Microservices, m{"gateway": m{"enabled": true}}},
		"monolithic's":      {chart.Monolithic, m{"tempo": m{"extraArgs": m{"log.level": "debug"}, "querier": m{"max_concurrent_queries": 5}}}},
		"monolithic's more": {chart.Monolithic, m{"podAnnotations": m{"a": "b"}, "extraVolumes": []any{m{"name": "a"}}}},
	} {
		var errs field.Errors
		checkValues(&errs, test.mode, test.values)
		assert.Empty(t, errs, name)
	}
}

func TestValuesThatAreRejected(t *testing.T) {
	for name, test := range map[string]struct {
		values m
		want   string
	}{
		"secret key":          {m{"storage": m{"trace": m{"s3": m{"secret_key": "x"}}}}, "Values.storage.trace.s3.secret_key: want no credential"},
		"remote write's":      {m{"metricsGenerator": m{"config": m{"storage": m{"remote_write": []any{m{"basic_auth": m{"password": "x"}}}}}}}, "Values.metricsGenerator.config.storage.remote_write[0].basic_auth.password: want no credential"},
		"a key in env":        {m{"querier": m{"extraEnv": []any{m{"name": "MINIO_SECRET_ACCESS_KEY", "value": "x"}}}}, "Values.querier.extraEnv[0].value: want no credential"},
		"a key from a Secret": {m{"global": m{"extraEnv": []any{m{"name": "MINIO_ACCESS_KEY_ID", "valueFrom": m{}}}}}, "Values.global.extraEnv[0]: want another variable"},
		"another backend":     {m{"storage": m{"trace": m{"backend": "local"}}}, "Values.storage.trace.backend: want nothing here"},
		"another bucket":      {m{"storage": m{"trace": m{"s3": m{"bucket": "x"}}}}, "Values.storage.trace.s3.bucket: want nothing here: set Bucket"},
		"no storage":          {m{"storage": "x"}, "Values.storage: want a map"},
		"no trace":            {m{"storage": m{"trace": "x"}}, "Values.storage.trace: want a map"},
		"no env":              {m{"querier": m{"extraEnv": m{}}}, "Values.querier.extraEnv: want a list"},
		"no annotations":      {m{"querier": m{"podAnnotations": "x"}}, "Values.querier.podAnnotations: want a map"},
		"no ingester":         {m{"ingester": 3}, "Values.ingester: want a map"},
		"no expansion":        {m{"querier": m{"extraArgs": []any{"-config.expand-env=false"}}}, "Values.querier.extraArgs[0]: want nothing here"},
		"another bucket flag": {m{"global": m{"extraArgs": []any{"--storage.trace.s3.bucket=x"}}}, "Values.global.extraArgs[0]: want nothing here"},
		"another port flag":   {m{"global": m{"extraArgs": []any{"-server.http-listen-port=80"}}}, "Values.global.extraArgs[0]: want nothing here"},
		"another hash":        {m{"querier": m{"podAnnotations": m{"picluster/keys": "x"}}}, `Values.querier.podAnnotations["picluster/keys"]: want nothing here, because the pods restart by it`},
		"another domain":      {m{"global": m{"clusterDomain": "example.com"}}, "Values.global.clusterDomain: want nothing here"},
		"no receiver":         {m{"traces": m{"otlp": m{"grpc": m{"enabled": false}}}}, "Values.traces.otlp.grpc.enabled: want nothing here: set Receivers"},
		"OpenCensus":          {m{"traces": m{"opencensus": m{"enabled": true}}}, "Values.traces.opencensus.enabled: want nothing here: set Receivers"},
		"a receiver's port":   {m{"traces": m{"otlp": m{"http": m{"receiverConfig": m{"endpoint": "0.0.0.0:80"}}}}}, "Values.traces.otlp.http.receiverConfig.endpoint: want nothing here"},
		"another Tempo":       {m{"querier": m{"image": m{"tag": "2.0.0"}}}, "set Chart.TempoVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			var errs field.Errors
			checkValues(&errs, chart.Microservices, test.values)
			require.Len(t, errs, 1)
			assert.ErrorContains(t, errs, test.want)
		})
	}
	for name, test := range map[string]struct {
		values m
		want   string
	}{
		"a flag":     {m{"tempo": m{"extraArgs": m{"storage.trace.s3.bucket": "x"}}}, `Values.tempo.extraArgs["storage.trace.s3.bucket"]: want nothing here`},
		"no tempo":   {m{"tempo": "x"}, "Values.tempo: want a map"},
		"no volumes": {m{"extraVolumes": "x"}, "Values.extraVolumes: want a list"},
		"the hash":   {m{"podAnnotations": m{"picluster/keys": "x"}}, "because the pods restart by it"},
		"a token":    {m{"tempo": m{"querier": m{"bearer_token": "x"}}}, "want no credential"},
	} {
		t.Run("monolithic, "+name, func(t *testing.T) {
			var errs field.Errors
			checkValues(&errs, chart.Monolithic, test.values)
			require.Len(t, errs, 1)
			assert.ErrorContains(t, errs, test.want)
		})
	}
}

// A text in place of a map would remove all that the component sets below it.
func TestPrefixesOfFixedValuesAreMaps(t *testing.T) {
	for _, mode := range chart.Modes() {
		for path := range fixedOf(mode) {
			if strings.Contains(path, "picluster/") {
				continue // the key of an annotation has dots
			}
			parts := strings.Split(path, ".")
			for n := 1; n < len(parts); n++ {
				var value any = "x"
				for _, key := range slices.Backward(parts[:n]) {
					value = m{key: value}
				}
				var errs field.Errors
				checkValues(&errs, mode, value.(m))
				if assert.Len(t, errs, 1, "%s: %s", mode, parts[:n]) {
					assert.Equal(t, "a map, which is merged with what the component sets", errs[0].Want, parts[:n])
				}
			}
		}
	}
}

func TestValuesOfAnyType(t *testing.T) {
	output := pulumi.ToSecret(pulumi.String("x")).(pulumi.StringOutput)
	for name, test := range map[string]struct {
		values m
		want   string
	}{
		"a map of texts":    {m{"querier": map[string]string{"password": "x"}}, "Values.querier.password: want no credential"},
		"a list of maps":    {m{"extraObjects": []m{{"kind": "Secret", "data": m{}}}}, "Values.extraObjects[0]: want no credential"},
		"a map of Pulumi":   {m{"querier": pulumi.Map{"password": pulumi.String("x")}}, "Values.querier.password: want no credential"},
		"texts of Pulumi":   {m{"querier": pulumi.StringMap{"token": pulumi.String("x")}}, "Values.querier.token: want no credential"},
		"a text of Pulumi":  {m{"password": pulumi.String("x")}, "Values.password: want no credential"},
		"a secret output":   {m{"querier": pulumi.Map{"password": output}}, "Values.querier.password: want no credential"},
		"a fixed value":     {m{"global": pulumi.StringMap{"clusterDomain": pulumi.String("x")}}, "Values.global.clusterDomain: want nothing here"},
		"a null":            {m{"gateway": pulumi.Map{"a": nil}}, "Values.gateway.a: want a value"},
		"an output for map": {m{"storage": output}, "Values.storage: want a map"},
	} {
		err := guideArgs(func(a *Args) { a.Values = test.values }).Validate()
		assert.ErrorContains(t, err, test.want, name)
		var errs field.Errors
		if assert.ErrorAs(t, err, &errs, name) {
			assert.Len(t, errs, 1, name)
		}
	}
	a := guideArgs(func(a *Args) { a.Affinity = m{"nodeAffinity": map[string]string{"a": "{{ b }}"}} })
	assert.EqualError(t, a.Validate(), "Affinity: want no template, which the chart would execute")
}

// Each fixed path is found where it is.
func TestEveryFixedValue(t *testing.T) {
	for _, mode := range chart.Modes() {
		for path, why := range fixedOf(mode) {
			var value any = "x"
			parts := strings.Split(path, ".")
			for _, key := range slices.Backward(parts) {
				value = m{key: value}
			}
			var errs field.Errors
			checkValues(&errs, mode, value.(m))
			if assert.Len(t, errs, 1, "%s: %s", mode, path) {
				assert.Contains(t, errs[0].Want, why, path)
			}
		}
	}
}

func TestNullIsRejected(t *testing.T) {
	a := guideArgs(func(a *Args) { a.Values = m{"ingester": m{"affinity": nil}, "gateway": nil, "a": []any{nil}} })
	assert.EqualError(t, a.Validate(), `Values.gateway: want a value, because the Kubernetes provider drops null; set what the chart takes for none, such as {}, [] or false
Values.ingester.affinity: want a value, because the Kubernetes provider drops null; set what the chart takes for none, such as {}, [] or false`)
	assert.NoError(t, a.withDefaults().problems().Err(), "helm itself takes null")
}
