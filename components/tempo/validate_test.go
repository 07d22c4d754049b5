package tempo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The least that there must be is named, all at once and in a fixed order.
func TestValidateNothing(t *testing.T) {
	assert.EqualError(t, Args{}.Validate(), `Namespace: got nothing; want `+lowerLabel+`
Bucket: got nothing; want the name of an S3 bucket: 3 to 63 lower-case letters, digits, dots and hyphens
Endpoint: got nothing; want a host that is a DNS name or an address
SecretName: got nothing; want the Secret with the keys, or AccessKey and SecretKey`)
}

// lowerLabel is Kubernetes's own text.
const lowerLabel = "1 to 63 lower-case letters, digits or -, with a letter or digit first and last"

func TestValidate(t *testing.T) {
	minute := 60
	for name, test := range map[string]struct {
		change func(*Args)
		want   string // the beginning of the one problem; empty: there is none
	}{
		"the guide's": {func(*Args) {}, ""},

		"release in capitals":  {func(a *Args) { a.Release = pulumi.String("Tempo") }, `Release: got "Tempo"; want `},
		"long release":         {func(a *Args) { a.Release = pulumi.String(strings.Repeat("r", 54)) }, `Release: got "` + strings.Repeat("r", 54) + `"; want at most 53 characters`},
		"longest release":      {func(a *Args) { a.Release = pulumi.String(strings.Repeat("r", 53)) }, ""},
		"namespace with a dot": {func(a *Args) { a.Namespace = pulumi.String("a.b") }, `Namespace: got "a.b"`},
		"bucket in capitals":   {func(a *Args) { a.Bucket = pulumi.String("K3S") }, `Bucket: got "K3S"`},
		"endpoint with a path": {func(a *Args) { a.Endpoint = pulumi.String("s3/x") }, `Endpoint: got "s3/x"; want a host:port`},
		"endpoint's password":  {func(a *Args) { a.Endpoint = pulumi.String("https://admin:hunter2@s3") }, `Endpoint: got "https://xxxxx@s3"; want a host:port`},
		"region of a variable": {func(a *Args) { a.Region = pulumi.String("${REGION}") }, `Region: got "${REGION}"; want a region`},
		"timeout of two days":  {func(a *Args) { a.Timeout = 86401 }, "Timeout: got 86401; want 0 to 86400 seconds"},
		"policies of Kubernetes' namespace": {func(a *Args) {
			a.Namespace = pulumi.String("default")
			a.Network = &Network{AllowTracesFrom: []pulumi.StringInput{pulumi.String("a")}, AllowQueryFrom: []pulumi.StringInput{pulumi.String("a")}}
		}, "Network: want nothing in namespace default, which its policies would close"},
		"timeout below zero":    {func(a *Args) { a.Timeout = -1 }, "Timeout: got -1; want 0 to 86400 seconds"},
		"restored minus once":   {func(a *Args) { a.Restore = -1 }, "Restore: got -1; want 0 or more"},
		"another mode":          {func(a *Args) { a.Chart.Mode = "scalable" }, `Chart.Mode: got "scalable"; want one of microservices, monolithic`},
		"chart 3":               {func(a *Args) { a.Chart.Version = "3.3.0"; a.Receivers = nil }, `Chart.Version: got "3.3.0"; want a version below 3`},
		"Tempo 3":               {func(a *Args) { a.Chart.TempoVersion = "3.0.3"; a.Receivers = nil }, `Chart.TempoVersion: got "3.0.3"; want a version of Tempo 2`},
		"repository of a path":  {func(a *Args) { a.Chart.Name, a.Chart.Repository = "./chart", "https://x" }, `Chart.Repository: got "https://x"; want nothing`},
		"repository's password": {func(a *Args) { a.Chart.Repository = "https://me:hunter2@x" }, `Chart.Repository: got "https://xxxxx@x"; want a URL without a user`},

		"a CA without a ConfigMap": {func(a *Args) { a.CA = "PEM" }, "CAConfigMap: got nothing; want the ConfigMap that has CA"},
		"a ConfigMap without a CA": {func(a *Args) { a.CAConfigMap = pulumi.String("ca") }, "CA: got nothing; want the CA that is in CAConfigMap"},
		"a CA without TLS":         {func(a *Args) { a.CA, a.CAConfigMap, a.Insecure = "PEM", pulumi.String("ca"), true }, "Insecure: got true; want false with CA"},
		"a ConfigMap in capitals":  {func(a *Args) { a.CA, a.CAConfigMap = "PEM", pulumi.String("CA") }, `CAConfigMap: got "CA"`},

		"a Secret in capitals": {func(a *Args) { a.SecretName = pulumi.String("Keys") }, `SecretName: got "Keys"`},
		"no Secret, one key":   {func(a *Args) { a.SecretName, a.AccessKey = nil, pulumi.String("a") }, "SecretName: got nothing; want the Secret"},
		"no Secret, empty key": {func(a *Args) { a.SecretName, a.AccessKey, a.SecretKey = nil, pulumi.String("a"), pulumi.String("") }, "SecretName: got nothing"},
		"no Secret, both keys": {func(a *Args) { a.SecretName, a.AccessKey, a.SecretKey = nil, pulumi.String("a"), pulumi.String("b") }, ""},
		"a bad field":          {func(a *Args) { a.AccessKeyField = "a b" }, `AccessKeyField: got "a b"`},
		"another bad field":    {func(a *Args) { a.SecretKeyField = "a b" }, `SecretKeyField: got "a b"`},
		"one field for both":   {func(a *Args) { a.AccessKeyField, a.SecretKeyField = "a", "a" }, `SecretKeyField: got "a"; want another field`},

		"no senders":                {func(a *Args) { a.Network = &Network{AllowQueryFrom: names("a")} }, "Network.AllowTracesFrom: got nothing; want one namespace or more"},
		"no namespace that queries": {func(a *Args) { a.Network = &Network{AllowTracesFrom: names("a")} }, "Network.AllowQueryFrom: got nothing; want one namespace or more"},
		"a bad sender":              {func(a *Args) { a.Network = &Network{AllowTracesFrom: names("a", "B"), AllowQueryFrom: names("a")} }, `Network.AllowTracesFrom[1]: got "B"`},
		"a bad namespace":           {func(a *Args) { a.Network = &Network{AllowTracesFrom: names("a"), AllowQueryFrom: names("B")} }, `Network.AllowQueryFrom[0]: got "B"`},
		"a bad one, nil": {func(a *Args) {
			a.Network = &Network{AllowTracesFrom: make([]pulumi.StringInput, 1), AllowQueryFrom: names("b")}
		}, "Network.AllowTracesFrom[0]: got nothing"},
		"a bad Prometheus":  {func(a *Args) { a.Network = &Network{names("a"), names("b"), names("C")} }, `Network.AllowScrapeFrom[0]: got "C"`},
		"a good Prometheus": {func(a *Args) { a.Network = &Network{names("a"), names("b"), names("c")} }, ""},

		"another profile":       {func(a *Args) { a.Profile = "huge" }, `Profile: got "huge"; want one of chart, ha, pi, small`},
		"ha in one pod":         {func(a *Args) { *a = oneProcess(*a); a.Profile = "ha" }, `Profile: got "ha"; want one of chart, pi, small`},
		"replicas of one pod":   {func(a *Args) { *a = oneProcess(*a); a.Replicas = map[string]int{"tempo": 2} }, "Replicas: want nothing with Chart.Mode monolithic"},
		"replicas of nothing":   {func(a *Args) { a.Replicas = map[string]int{"gateway": 2} }, `Replicas.gateway: got "gateway"; want one of distributor`},
		"no replicas":           {func(a *Args) { a.Replicas = map[string]int{"querier": 0} }, "Replicas.querier: got 0; want 1 or more"},
		"too few ingesters":     {func(a *Args) { a.Profile, a.Replicas = "ha", map[string]int{"ingester": 2} }, "Replicas.ingester: got 2; want 3 or more, because Profile ha stores 3 copies"},
		"enough ingesters":      {func(a *Args) { a.Profile, a.Replicas = "pi", map[string]int{"ingester": 1} }, ""},
		"resources of nothing":  {func(a *Args) { a.Resources = map[string]Resources{"gateway": {}} }, `Resources.gateway: got "gateway"; want one of`},
		"a resource of nothing": {func(a *Args) { a.Resources = amount("disk", "1Gi") }, `Resources.querier.limits.disk: got "disk"; want one of cpu, memory, ephemeral-storage`},
		"not a quantity":        {func(a *Args) { a.Resources = amount("memory", "much") }, `Resources.querier.limits.memory: got "much"; want a quantity`},
		"not a request": {func(a *Args) {
			a.Resources = map[string]Resources{"querier": {Requests: map[string]string{"cpu": "0"}}}
		}, `Resources.querier.requests.cpu: got "0"; want a quantity of more than zero`},
		"a volume":               {func(a *Args) { a.Persistence = &Persistence{} }, ""},
		"a volume of no size":    {func(a *Args) { a.Persistence = &Persistence{Size: "big"} }, `Persistence.Size: got "big"`},
		"a volume of no class":   {func(a *Args) { a.Persistence = &Persistence{StorageClass: pulumi.String("A B")} }, `Persistence.StorageClass: got "A B"`},
		"retention of two days":  {func(a *Args) { a.Retention = "2d" }, `Retention: got "2d"; want a duration`},
		"retention of a minute":  {func(a *Args) { a.Retention = "1m" }, `Retention: got "1m"; want a duration of 1h0m0s or more`},
		"retention of a day":     {func(a *Args) { a.Retention = "24h" }, ""},
		"another receiver":       {func(a *Args) { a.Receivers = []string{"kafka"} }, `Receivers[0]: got "kafka"; want one of jaegerGrpc`},
		"a receiver twice":       {func(a *Args) { a.Receivers = []string{"zipkin", "zipkin"} }, `Receivers[1]: got "zipkin"; want each receiver once`},
		"a receiver that is not": {func(a *Args) { a.Chart = chart.Chart{}; a.Receivers = []string{"otlpGrpc", "opencensus"} }, `Receivers[1]: got "opencensus"; want a receiver that the chart's Tempo has: Tempo 2.10.6 dropped it`},

		"no remote write": {func(a *Args) { a.Generator = &Generator{SpanMetrics: true} }, "Generator.RemoteWriteURL: got nothing; want the URL"},
		"a token in a query": {func(a *Args) {
			a.Generator = &Generator{SpanMetrics: true, RemoteWriteURL: pulumi.String("http://p/api?token=hunter2")}
		}, `Generator.RemoteWriteURL: got "http://p/api?xxxxx"; want a URL without a credential in its query`},
		"no graphs' write": {func(a *Args) { a.Generator = &Generator{ServiceGraphs: true, RemoteWriteURL: pulumi.String("")} }, "Generator.RemoteWriteURL: got nothing; want the URL"},
		"half a remote write": {func(a *Args) {
			a.Generator = &Generator{SpanMetrics: true, RemoteWriteURL: pulumi.String("http://[::1")}
		}, `Generator.RemoteWriteURL: got "http://[::1"; want a URL`},
		"a write's password": {func(a *Args) {
			a.Generator = &Generator{SpanMetrics: true, RemoteWriteURL: pulumi.String("http://u:hunter2@p")}
		}, `Generator.RemoteWriteURL: got "http://xxxxx@p"; want a URL without a user`},
		"a write of no metrics": {func(a *Args) { a.Generator = &Generator{RemoteWriteURL: pulumi.String("http://p")} }, "Generator.RemoteWriteURL: want nothing without ServiceGraphs"},

		"placed":                {placed, ""},
		"a node's bad label":    {func(a *Args) { a.NodeSelector = map[string]string{"a b": "c"} }, `NodeSelector["a b"]: got "a b"`},
		"a node's bad value":    {func(a *Args) { a.NodeSelector = map[string]string{"kubernetes.io/arch": "a b"} }, `NodeSelector["kubernetes.io/arch"]: got "a b"`},
		"every taint":           {func(a *Args) { a.Tolerations = []Toleration{{Operator: "Exists"}} }, ""},
		"a taint of no key":     {func(a *Args) { a.Tolerations = []Toleration{{}} }, "Tolerations[0].Key: got nothing"},
		"a taint's bad key":     {func(a *Args) { a.Tolerations = []Toleration{{Key: "a b"}} }, `Tolerations[0].Key: got "a b"`},
		"a taint's bad value":   {func(a *Args) { a.Tolerations = []Toleration{{Key: "a", Value: "b c"}} }, `Tolerations[0].Value: got "b c"`},
		"a taint of two words":  {func(a *Args) { a.Tolerations = []Toleration{{Key: "a", Operator: "Exists", Value: "b"}} }, `Tolerations[0].Value: got "b"; want nothing`},
		"another operator":      {func(a *Args) { a.Tolerations = []Toleration{{Key: "a", Operator: "In"}} }, `Tolerations[0].Operator: got "In"; want one of Exists, Equal`},
		"another effect":        {func(a *Args) { a.Tolerations = []Toleration{{Key: "a", Effect: "No"}} }, `Tolerations[0].Effect: got "No"`},
		"a while of no effect":  {func(a *Args) { a.Tolerations = []Toleration{{Key: "a", TolerationSeconds: &minute}} }, "Tolerations[0].TolerationSeconds: got 60; want nothing"},
		"another affinity":      {func(a *Args) { a.Affinity = map[string]any{"affinity": map[string]any{}} }, `Affinity.affinity: got "affinity"; want one of nodeAffinity`},
		"an affinity's secret":  {func(a *Args) { a.Affinity = map[string]any{"podAffinity": []any{map[string]any{"a": "{{ .Values }}"}}} }, "Affinity: want no template"},
		"a bad pull secret":     {func(a *Args) { a.ImagePullSecrets = names("a", "B") }, `ImagePullSecrets[1]: got "B"`},
		"a registry with a URL": {func(a *Args) { a.ImageRegistry = pulumi.String("https://r") }, `ImageRegistry: got "https://r"`},
		"a mirror":              {func(a *Args) { a.ImageRegistry = pulumi.String("r.example.com:5000/docker.io") }, ""},
		"a mirror's bad path":   {func(a *Args) { a.ImageRegistry = pulumi.String("r/{{a}}") }, `ImageRegistry: got "r/{{a}}"`},
		"a bad priority":        {func(a *Args) { a.PriorityClassName = pulumi.String("High") }, `PriorityClassName: got "High"`},
		"a credential":          {func(a *Args) { a.Values = m{"gateway": m{"basicAuth": m{"password": "hunter2"}}} }, "Values.gateway.basicAuth.password: want no credential"},
	} {
		t.Run(name, func(t *testing.T) {
			err := guideArgs(test.change).Validate()
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			if assert.Error(t, err) {
				assert.NotContains(t, err.Error(), "hunter2")
				assert.NotContains(t, err.Error(), "\n", "one problem")
				assert.True(t, strings.HasPrefix(err.Error(), test.want), "%v", err)
			}
		})
	}
}

func oneProcess(a Args) Args {
	a.Chart, a.Receivers = chart.Chart{Mode: chart.Monolithic}, nil
	return a
}

func amount(name, amount string) map[string]Resources {
	return map[string]Resources{"querier": {Limits: map[string]string{name: amount}}}
}

// Arguments of any kind are no reason to panic.
func TestNoPanic(t *testing.T) {
	for _, a := range []Args{
		{Network: &Network{}, Generator: &Generator{}, Persistence: &Persistence{}},
		{Chart: chart.Chart{Mode: "x"}, Profile: "x", Replicas: map[string]int{"ingester": 0}, Values: m{"a": nil}},
		{Receivers: []string{"", "x"}, ImagePullSecrets: make([]pulumi.StringInput, 1), Tolerations: []Toleration{{}}},
	} {
		assert.Error(t, a.Validate())
		assert.NotPanics(t, func() { a.withDefaults().inputs().values() })
	}
}

// The version of a chart in a directory is the one in its Chart.yaml. A chart's name is no
// directory, though the working directory may have one of that name.
func TestValidateADirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(directory, text string) {
		require.NoError(t, os.MkdirAll(directory, 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(directory, "Chart.yaml"), []byte(text), 0o600))
	}
	write("same", "version: 2.26.2\n")
	write("other", "version: 1.61.3\n")
	write("none", "name: tempo-distributed\n")
	write("tempo-distributed", "version: 1.61.3\n")
	for name, want := range map[string]string{
		"./same":            "",
		"./other":           `Chart.Version: got "2.26.2"; want 1.61.3, which the chart in ./other has`,
		"./none":            "", // Helm rejects it
		"./absent":          "",
		"tempo-distributed": "",
	} {
		args := guideArgs(func(a *Args) { a.Chart = chart.Chart{Name: name, Version: "2.26.2"}; a.Receivers = nil })
		if want == "" {
			assert.NoError(t, args.Validate(), name)
			continue
		}
		assert.EqualError(t, args.Validate(), want)
	}
}
