package tempo

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// policy is what a NetworkPolicy's spec says.
type policy struct {
	PodSelector     selector
	PolicyTypes     []string
	Ingress, Egress []policyRule
}

type policyRule struct {
	From, To []struct {
		PodSelector       *selector
		NamespaceSelector *selector
		IPBlock           *struct{ CIDR string }
	}
	Ports []struct {
		Port     intstr.IntOrString
		Protocol string
	}
}

type selector struct{ MatchLabels map[string]string }

func names(names ...string) (inputs []pulumi.StringInput) {
	for _, name := range names {
		inputs = append(inputs, pulumi.String(name))
	}
	return inputs
}

// policies returns the NetworkPolicies of the guide's Tempo, changed.
func policies(t *testing.T, endpoint string, changes ...func(*Args)) map[string]policy {
	t.Helper()
	closed := func(a *Args) {
		a.Endpoint = pulumi.String(endpoint)
		a.Network = &Network{AllowTracesFrom: names("apps", "shop"), AllowQueryFrom: names("monitoring")}
	}
	text, err := json.Marshal(guide(append([]func(*Args){closed}, changes...)...).networkPolicies())
	require.NoError(t, err)
	var policies map[string]policy
	require.NoError(t, json.Unmarshal(text, &policies))
	return policies
}

func TestNetworkPoliciesCloseTheNamespace(t *testing.T) {
	p := policies(t, "10.0.0.11:9091")["own"]
	assert.Empty(t, p.PodSelector.MatchLabels, "a pod is left out")
	assert.ElementsMatch(t, []string{"Ingress", "Egress"}, p.PolicyTypes)
	require.Len(t, p.Ingress, 1)
	require.Len(t, p.Ingress[0].From, 1, "nobody but its own pods")
	assert.NotNil(t, p.Ingress[0].From[0].PodSelector)
	assert.Nil(t, p.Ingress[0].From[0].NamespaceSelector)
	require.Len(t, p.Egress, 3, "its own pods, DNS, S3")
	assert.Equal(t, "kube-system", p.Egress[1].To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
	assert.EqualValues(t, 53, p.Egress[1].Ports[0].Port.IntVal)
}

func TestNetworkPoliciesLetIn(t *testing.T) {
	p := policies(t, "10.0.0.11:9091", func(a *Args) { a.Receivers = []string{"otlpGrpc", "jaegerThriftCompact"} })
	traces, query := p["traces"], p["query"]
	assert.Equal(t, "distributor", traces.PodSelector.MatchLabels["app.kubernetes.io/component"])
	require.Len(t, traces.Ingress[0].From, 2)
	assert.Equal(t, "apps", traces.Ingress[0].From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
	require.Len(t, traces.Ingress[0].Ports, 2)
	assert.EqualValues(t, 4317, traces.Ingress[0].Ports[0].Port.IntVal)
	assert.Equal(t, "UDP", traces.Ingress[0].Ports[1].Protocol)
	assert.Equal(t, "query-frontend", query.PodSelector.MatchLabels["app.kubernetes.io/component"])
	assert.Equal(t, "monitoring", query.Ingress[0].From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
	assert.EqualValues(t, 3200, query.Ingress[0].Ports[0].Port.IntVal)

	metrics := p["metrics"]
	assert.Empty(t, metrics.PodSelector.MatchLabels, "Prometheus scrapes each pod")
	require.Len(t, metrics.Ingress[0].From, 1)
	assert.Equal(t, "monitoring", metrics.Ingress[0].From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
	require.Len(t, metrics.Ingress[0].Ports, 2)
	assert.EqualValues(t, 3200, metrics.Ingress[0].Ports[0].Port.IntVal)
	assert.EqualValues(t, 9150, metrics.Ingress[0].Ports[1].Port.IntVal)
}

// Namespaces that scrape are those that query, unless others are named.
func TestNetworkPoliciesLetScrape(t *testing.T) {
	p := policies(t, "10.0.0.11:9091", func(a *Args) { a.Network.AllowScrapeFrom = names("prometheus") })
	require.Len(t, p["metrics"].Ingress[0].From, 1)
	assert.Equal(t, "prometheus", p["metrics"].Ingress[0].From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
	assert.Equal(t, "monitoring", p["query"].Ingress[0].From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
}

// An endpoint without a port has the protocol's own.
func TestNetworkPoliciesOfPlainText(t *testing.T) {
	s3 := policies(t, "s3.example.com", func(a *Args) { a.Insecure = true })["own"].Egress[2]
	assert.EqualValues(t, 80, s3.Ports[0].Port.IntVal)
	for url, port := range map[string]int{"http://prometheus/api": 80, "https://prometheus/api": 443} {
		write := policies(t, "s3.example.com", func(a *Args) {
			a.Generator = &Generator{SpanMetrics: true, RemoteWriteURL: pulumi.String(url)}
		})["own"].Egress[3]
		assert.EqualValues(t, port, write.Ports[0].Port.IntVal, url)
	}
}

// The one pod of mode monolithic both receives and queries.
func TestNetworkPoliciesOfOnePod(t *testing.T) {
	specs := of(func(a *Args) {
		a.Chart, a.Release = chart.Chart{Mode: chart.Monolithic}, pulumi.String("traces")
		a.Network = &Network{AllowTracesFrom: names("apps"), AllowQueryFrom: names("monitoring")}
	}).networkPolicies()
	for _, name := range []string{"traces", "query"} {
		assert.Equal(t, map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/instance": "traces"}}, specs[name]["podSelector"], name)
	}
}

func TestNetworkPoliciesLetOut(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint, cidr, namespace string
		port                      int
	}{
		"an address":           {"10.0.0.11:9091", "10.0.0.11/32", "", 9091},
		"an address of IPv6":   {"[fd00::1]:9000", "fd00::1/128", "", 9000},
		"a name":               {"s3.example.com:9091", "", "", 9091},
		"a name without port":  {"s3.example.com", "", "", 443},
		"a Service":            {"minio.storage.svc:80", "", "storage", 0},
		"a Service, in full":   {"minio.storage.svc.cluster.local:80", "", "storage", 0},
		"no Service, but like": {"svc.example.com:80", "", "", 80},
	} {
		t.Run(name, func(t *testing.T) {
			s3 := policies(t, test.endpoint)["own"].Egress[2]
			if test.port == 0 {
				assert.Empty(t, s3.Ports, "a Service's pods may have others")
			} else {
				require.Len(t, s3.Ports, 1)
				assert.EqualValues(t, test.port, s3.Ports[0].Port.IntVal)
			}
			switch {
			case test.cidr != "":
				assert.Equal(t, test.cidr, s3.To[0].IPBlock.CIDR)
			case test.namespace != "":
				assert.Equal(t, test.namespace, s3.To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
			default:
				assert.Empty(t, s3.To)
			}
		})
	}
	egress := policies(t, "10.0.0.11:9091", func(a *Args) {
		a.Generator = &Generator{SpanMetrics: true, RemoteWriteURL: pulumi.String("http://prometheus.monitoring.svc:9090/api/v1/write")}
	})["own"].Egress
	require.Len(t, egress, 4)
	assert.Equal(t, "monitoring", egress[3].To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
}

// Every receiver that can be on can be reached.
func TestEveryReceiverHasItsPort(t *testing.T) {
	p := policies(t, "10.0.0.11:9091", func(a *Args) { a.Receivers = Receivers() })["traces"]
	require.Len(t, p.Ingress[0].Ports, len(Receivers()))
	assert.False(t, slices.ContainsFunc(p.Ingress[0].Ports, func(port struct {
		Port     intstr.IntOrString
		Protocol string
	}) bool {
		return port.Port.IntVal == 0
	}))
}
