package tempo

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
	"github.com/picluster/picluster/internal/kube"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Network is which namespaces may reach Tempo. All else of its namespace is closed, in and
// out, but for its own pods, DNS, the S3 server and the remote write of metrics.
type Network struct {
	// AllowTracesFrom are the namespaces that send traces. Required.
	AllowTracesFrom []pulumi.StringInput `pulumi:"allowTracesFrom"`
	// AllowQueryFrom are the namespaces that query, as Grafana's. Required.
	AllowQueryFrom []pulumi.StringInput `pulumi:"allowQueryFrom"`
	// AllowScrapeFrom are the namespaces that scrape the metrics of Tempo and its cache, as
	// Prometheus's. Default: AllowQueryFrom.
	AllowScrapeFrom []pulumi.StringInput `pulumi:"allowScrapeFrom,optional"`
}

// containerQueryPort is where Tempo's pods have their API and their metrics, and
// exporterPort where the cache's exporter has its metrics.
const (
	containerQueryPort = 3200
	exporterPort       = 9150
)

// port is a port of a pod, as NetworkPolicies have it.
type port struct {
	number   int
	protocol string
}

// receiverPorts are the ports of the distributor's pods, by the receiver.
// Source: the chart's templates/distributor, lines 1 and 2.
var receiverPorts = map[string]port{
	receiverJaegerGRPC:    {14250, "TCP"},
	ReceiverOTLPGRPC:      {otlpGRPCPort, "TCP"},
	ReceiverOTLPHTTP:      {otlpHTTPPort, "TCP"},
	"zipkin":              {9411, "TCP"},
	"jaegerThriftCompact": {6831, "UDP"},
	"jaegerThriftHttp":    {14268, "TCP"},
	receiverOpenCensus:    {55678, "TCP"},
}

// networkPolicies returns the specs of the NetworkPolicies of Tempo's namespace, by the
// suffix of their names.
func (s settings) networkPolicies() map[string]map[string]any {
	distributor, frontend := component("distributor"), component("query-frontend")
	if s.Chart.Mode == chart.Monolithic {
		distributor = map[string]any{"app.kubernetes.io/instance": s.release}
		frontend = distributor
	}
	own := map[string]any{"podSelector": map[string]any{}}
	egress := []any{
		map[string]any{"to": []any{own}},
		map[string]any{"to": []any{namespace("kube-system")}, "ports": ports([]port{{53, "UDP"}, {53, "TCP"}})},
		applied(s.endpoint, func(endpoint string) any { return egressTo(endpoint, s.Insecure) }),
	}
	if s.Generator != nil && s.remoteWriteURL != nil {
		egress = append(egress, applied(s.remoteWriteURL, func(text string) any {
			u, err := url.Parse(text)
			if err != nil {
				return map[string]any{} // validated
			}
			return egressTo(u.Host, u.Scheme == "http")
		}))
	}
	scrapers := namespaces("Network.AllowScrapeFrom", s.Network.AllowScrapeFrom)
	if len(scrapers) == 0 {
		scrapers = namespaces("Network.AllowQueryFrom", s.Network.AllowQueryFrom)
	}
	var receivers []port
	for _, receiver := range s.Receivers {
		receivers = append(receivers, receiverPorts[receiver])
	}
	return map[string]map[string]any{
		"own": {
			"podSelector": map[string]any{},
			"policyTypes": []any{"Ingress", "Egress"},
			"ingress":     []any{map[string]any{"from": []any{own}}},
			"egress":      egress,
		},
		"traces": ingress(distributor, namespaces("Network.AllowTracesFrom", s.Network.AllowTracesFrom), receivers),
		// Prometheus scrapes each pod on the port that has the API too.
		"metrics": ingress(nil, scrapers, []port{{containerQueryPort, "TCP"}, {exporterPort, "TCP"}}),
		"query":   ingress(frontend, namespaces("Network.AllowQueryFrom", s.Network.AllowQueryFrom), []port{{containerQueryPort, "TCP"}}),
	}
}

// component returns the labels that select a component's pods.
func component(name string) map[string]any {
	return map[string]any{"app.kubernetes.io/component": name}
}

// ingress returns the spec that lets peers reach the open ports of the pods with labels. Nil
// labels select all pods.
func ingress(labels map[string]any, peers []any, open []port) map[string]any {
	selector := map[string]any{}
	if labels != nil {
		selector["matchLabels"] = labels
	}
	return map[string]any{
		"podSelector": selector,
		"policyTypes": []any{"Ingress"},
		"ingress":     []any{map[string]any{"from": peers, "ports": ports(open)}},
	}
}

// namespaces returns the peers that select every pod of the namespaces in the field at path.
func namespaces(path string, names []pulumi.StringInput) []any {
	var peers []any
	for i, name := range names {
		peers = append(peers, namespace(chartTextOf(fmt.Sprintf("%s[%d]", path, i), name, kube.ValidateLabel)))
	}
	return peers
}

// namespace returns the peer that selects every pod of a namespace.
func namespace(name chartText) map[string]any {
	return map[string]any{"namespaceSelector": map[string]any{
		"matchLabels": map[string]any{"kubernetes.io/metadata.name": name},
	}}
}

// egressTo returns the rule that lets pods reach a server. If insecure is true, the default
// port is that of HTTP. A NetworkPolicy selects addresses and pods, and no DNS names. A server
// with a DNS name can have any address, so the rule has its port alone. Pods of a Service can
// have other ports than the Service, so the rule has the Service's namespace alone.
func egressTo(hostPort string, insecure bool) map[string]any {
	u := url.URL{Host: hostPort}
	number, err := strconv.Atoi(u.Port())
	if err != nil {
		number = 443
		if insecure {
			number = 80
		}
	}
	open := ports([]port{{number, "TCP"}})
	if address, err := netip.ParseAddr(u.Hostname()); err == nil {
		block := map[string]any{"cidr": netip.PrefixFrom(address, address.BitLen()).String()}
		return map[string]any{"to": []any{map[string]any{"ipBlock": block}}, "ports": open}
	}
	if labels := strings.Split(u.Hostname(), "."); len(labels) >= 3 && labels[2] == "svc" {
		return map[string]any{"to": []any{namespace(labels[1])}}
	}
	return map[string]any{"ports": open}
}

func ports(open []port) []any {
	var list []any
	for _, p := range open {
		list = append(list, map[string]any{"port": p.number, "protocol": p.protocol})
	}
	return list
}
