package main

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// tableName is the nftables table's name.
const tableName = "netpol"

// cluster is what the table is rendered from.
type cluster struct {
	pods       []*core.Pod // with an address of their own
	namespaces map[string]labels.Set
	policies   []*networking.NetworkPolicy
}

// table returns the table as nft reads it. A pod that a policy selects has a chain
// for the direction, which returns what is allowed and drops the rest. What a node
// sends to a pod (probes) is output, which has no hook, and is always allowed.
func (c *cluster) table() string {
	var jumps, chains strings.Builder
	for _, pod := range c.pods {
		in, out := c.allowed(pod)
		name := strings.ReplaceAll(pod.Status.PodIP, ".", "-")
		if out != nil {
			fmt.Fprintf(&jumps, "    ip saddr %s jump out-%s\n", pod.Status.PodIP, name)
			chain(&chains, "out-"+name, out)
		}
		if in != nil {
			fmt.Fprintf(&jumps, "    ip daddr %s jump in-%s\n", pod.Status.PodIP, name)
			chain(&chains, "in-"+name, in)
		}
	}
	return fmt.Sprintf(`add table ip %[1]s
delete table ip %[1]s
table ip %[1]s {
%[2]s  chain check {
    ct state established,related return
%[3]s  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    jump check
  }
  chain input {
    type filter hook input priority filter; policy accept;
    jump check
  }
}
`, tableName, chains.String(), jumps.String())
}

func chain(text *strings.Builder, name string, allowed []string) {
	fmt.Fprintf(text, "  chain %s {\n", name)
	for _, match := range allowed {
		fmt.Fprintf(text, "    %sreturn\n", match)
	}
	text.WriteString("    counter drop\n  }\n")
}

// allowed returns the matches of what the policies allow into and out of pod; nil
// for a direction in which no policy selects it.
func (c *cluster) allowed(pod *core.Pod) (in, out []string) {
	for _, policy := range c.policies {
		if policy.Namespace != pod.Namespace || !selects(&policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		if slices.Contains(policy.Spec.PolicyTypes, networking.PolicyTypeIngress) {
			in = append([]string{}, in...)
			for _, rule := range policy.Spec.Ingress {
				// A named port is the receiver's: here this pod's.
				in = append(in, c.matches(policy.Namespace, "saddr", rule.From, rule.Ports, []*core.Pod{pod})...)
			}
		}
		if slices.Contains(policy.Spec.PolicyTypes, networking.PolicyTypeEgress) {
			out = append([]string{}, out...)
			for _, rule := range policy.Spec.Egress {
				out = append(out, c.matches(policy.Namespace, "daddr", rule.To, rule.Ports, c.pods)...)
			}
		}
	}
	return in, out
}

// matches returns the matches of one rule: each peer on each port.
func (c *cluster) matches(namespace, side string, peers []networking.NetworkPolicyPeer, ports []networking.NetworkPolicyPort, receivers []*core.Pod) (matches []string) {
	for _, peer := range c.peers(namespace, side, peers) {
		for _, port := range portMatches(ports, receivers) {
			matches = append(matches, peer+port)
		}
	}
	return matches
}

// peers returns a match for each peer that exists. No peers at all are everything.
func (c *cluster) peers(namespace, side string, peers []networking.NetworkPolicyPeer) (matches []string) {
	if len(peers) == 0 {
		return []string{""}
	}
	for _, peer := range peers {
		if block := peer.IPBlock; block != nil {
			if strings.Contains(block.CIDR, ":") {
				continue // no pod has an IPv6 address
			}
			match := fmt.Sprintf("ip %s %s ", side, block.CIDR)
			if len(block.Except) > 0 {
				match += fmt.Sprintf("ip %s != { %s } ", side, strings.Join(block.Except, ", "))
			}
			matches = append(matches, match)
			continue
		}
		var addresses []string
		for _, pod := range c.pods {
			inNamespace := pod.Namespace == namespace
			if peer.NamespaceSelector != nil {
				inNamespace = selects(peer.NamespaceSelector, c.namespaces[pod.Namespace])
			}
			if inNamespace && (peer.PodSelector == nil || selects(peer.PodSelector, pod.Labels)) {
				addresses = append(addresses, pod.Status.PodIP)
			}
		}
		if len(addresses) > 0 {
			matches = append(matches, fmt.Sprintf("ip %s { %s } ", side, strings.Join(addresses, ", ")))
		}
	}
	return matches
}

// portMatches returns a match for each port. No ports at all are every port.
func portMatches(ports []networking.NetworkPolicyPort, receivers []*core.Pod) (matches []string) {
	if len(ports) == 0 {
		return []string{""}
	}
	for _, port := range ports {
		protocol := "tcp"
		if port.Protocol != nil {
			protocol = strings.ToLower(string(*port.Protocol))
		}
		switch {
		case port.Port == nil:
			matches = append(matches, fmt.Sprintf("ip protocol %s ", protocol))
		case port.Port.Type == intstr.String:
			for _, pod := range receivers {
				for _, container := range pod.Spec.Containers {
					for _, named := range container.Ports {
						if named.Name == port.Port.StrVal && strings.EqualFold(string(named.Protocol), protocol) {
							matches = append(matches, fmt.Sprintf("ip daddr %s %s dport %d ", pod.Status.PodIP, protocol, named.ContainerPort))
						}
					}
				}
			}
		case port.EndPort != nil:
			matches = append(matches, fmt.Sprintf("%s dport %d-%d ", protocol, port.Port.IntVal, *port.EndPort))
		default:
			matches = append(matches, fmt.Sprintf("%s dport %d ", protocol, port.Port.IntVal))
		}
	}
	return matches
}

func selects(selector *meta.LabelSelector, set labels.Set) bool {
	s, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(set)
}
