package lab

import (
	_ "embed"
	"strings"
)

// dnsImage is the name of the image of CoreDNS, which the lab packs itself.
const dnsImage = "registry.k8s.io/coredns/coredns:lab"

//go:embed coredns.yaml
var corednsYAML string

// dnsManifest returns the objects of the cluster's DNS. Its pods have the namespace
// and label by which NetworkPolicies name a cluster's DNS.
func dnsManifest() string {
	return strings.NewReplacer("$DNS", dnsService, "$IMAGE", dnsImage).Replace(corednsYAML)
}
