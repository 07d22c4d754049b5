package tempo

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
)

// Network is who may reach Tempo. All else of its namespace is closed, in and
// out, but for its own pods, DNS, the S3 server and the remote write of metrics.
type Network struct {
	// TracesFrom are the namespaces that traces come from.
	TracesFrom []string
	// QueryFrom is the namespace of Grafana and Prometheus, which query and scrape.
	QueryFrom string
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
	ReceiverOTLPGRPC:      {otlpGRPCPort, "TCP"},
	ReceiverOTLPHTTP:      {otlpHTTPPort, "TCP"},
	"zipkin":              {9411, "TCP"},
	"jaegerThriftCompact": {6831, "UDP"},
	"jaegerThriftHttp":    {14268, "TCP"},
	"opencensus":          {55678, "TCP"},
}

// NetworkPolicies returns the specs of the NetworkPolicies of Tempo's namespace, by
// the last part of their names. The endpoint is the S3 server's host:port, insecure
// if it has no TLS.
func NetworkPolicies(n Network, release, mode, endpoint string, insecure bool, o Options) map[string]map[string]any {
	distributor, frontend := component("distributor"), component("query-frontend")
	if mode == chart.Monolithic {
		distributor = map[string]any{"app.kubernetes.io/instance": release}
		frontend = distributor
	}
	own := map[string]any{"podSelector": map[string]any{}}
	egress := []any{
		map[string]any{"to": []any{own}},
		map[string]any{"to": []any{namespace("kube-system")}, "ports": ports([]port{{53, "UDP"}, {53, "TCP"}})},
		to(endpoint, insecure),
	}
	if o.Generator != nil && o.Generator.RemoteWriteURL != "" {
		u, _ := url.Parse(o.Generator.RemoteWriteURL) // checked by whoever set it
		egress = append(egress, to(u.Host, u.Scheme == "http"))
	}

	var receivers []port
	for _, receiver := range o.Receivers {
		receivers = append(receivers, receiverPorts[receiver])
	}
	var senders []any
	for _, name := range n.TracesFrom {
		senders = append(senders, namespace(name))
	}
	return map[string]map[string]any{
		"own": {
			"podSelector": map[string]any{},
			"policyTypes": []any{"Ingress", "Egress"},
			"ingress":     []any{map[string]any{"from": []any{own}}},
			"egress":      egress,
		},
		"traces": ingress(distributor, senders, receivers),
		// Prometheus reads each pod on the port that has the API too.
		"metrics": ingress(nil, []any{namespace(n.QueryFrom)}, []port{{containerQueryPort, "TCP"}, {exporterPort, "TCP"}}),
		"query":   ingress(frontend, []any{namespace(n.QueryFrom)}, []port{{containerQueryPort, "TCP"}}),
	}
}

// component returns the labels that select a component's pods.
func component(name string) map[string]any {
	return map[string]any{"app.kubernetes.io/component": name}
}

// ingress lets peers reach some ports of the pods that have labels: of all, if it is nil.
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

// namespace is every pod of a namespace.
func namespace(name string) map[string]any {
	return map[string]any{"namespaceSelector": map[string]any{
		"matchLabels": map[string]any{"kubernetes.io/metadata.name": name},
	}}
}

// to lets out to a server, of which insecure says what its port is if it names none.
// A policy knows addresses and pods, and no names: a
// server with a name of its own can be at any address, so that its port alone is
// kept; a Service's pods may have other ports than the Service, so that it is
// their namespace that is.
func to(hostPort string, insecure bool) map[string]any {
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
