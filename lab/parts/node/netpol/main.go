// Command netpol enforces the NetworkPolicies of a cluster whose nodes share one
// network namespace and whose pods are routed (CNI plugin ptp). It renders all
// policies as one nftables table, and replaces the table in one transaction.
package main

import (
	"context"
	"flag"
	"log"
	"os/exec"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// retryInterval is the time between two attempts to load a table that nft rejected.
const retryInterval = time.Second

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the administrator's kubeconfig")
	flag.Parse()
	if err := run(context.Background(), *kubeconfig); err != nil {
		log.Fatal(err)
	}
}

// run loads the table at each change, and does not return unless the API cannot be used.
func run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(_, _ any) { notify() },
		DeleteFunc: func(any) { notify() },
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	notify() // a cluster without policies gets an empty table

	var loaded string
	retry := time.NewTicker(retryInterval)
	defer retry.Stop()
	failed := false
	for {
		select {
		case <-changed:
		case <-retry.C:
			if !failed {
				continue
			}
		}
		c := cluster{namespaces: map[string]labels.Set{}}
		everyNamespace, err := namespaces.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		for _, namespace := range everyNamespace {
			c.namespaces[namespace.Name] = namespace.Labels
		}
		everyPod, err := pods.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		for _, pod := range everyPod {
			ended := pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
			if !pod.Spec.HostNetwork && pod.Status.PodIP != "" && !ended {
				c.pods = append(c.pods, pod)
			}
		}
		if c.policies, err = policies.Lister().List(labels.Everything()); err != nil {
			return err
		}
		slices.SortFunc(c.pods, func(a, b *core.Pod) int { return strings.Compare(a.Status.PodIP, b.Status.PodIP) })
		slices.SortFunc(c.policies, func(a, b *networking.NetworkPolicy) int {
			return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
		})

		text := c.table()
		failed = false
		if text == loaded {
			continue
		}
		nft := exec.CommandContext(ctx, "nft", "-f", "-")
		nft.Stdin = strings.NewReader(text)
		if out, err := nft.CombinedOutput(); err != nil {
			log.Printf("nft: %v\n%s\n%s", err, out, text)
			failed = true
			continue
		}
		loaded = text
		log.Printf("loaded %d policies for %d pods", len(c.policies), len(c.pods))
	}
}
