package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Client reads a cluster. It has the few kinds that Await reads, because a typed client
// imports every API group.
type Client struct {
	http *http.Client
	base *url.URL
}

// NewClient returns a client of the cluster of a configuration.
func NewClient(config *rest.Config) (*Client, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	return &Client{client, base}, err
}

// Connect returns a client of the cluster that a kubeconfig names.
func Connect(loader clientcmd.ClientConfig) (*Client, error) {
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, err
	}
	return NewClient(config)
}

// workload is a Deployment or a StatefulSet.
type workload struct {
	kind     string
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Replicas *int                 `json:"replicas"`
		Selector metav1.LabelSelector `json:"selector"`
		Strategy struct {
			RollingUpdate struct {
				MaxUnavailable any `json:"maxUnavailable"`
			} `json:"rollingUpdate"`
		} `json:"strategy"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64  `json:"observedGeneration"`
		Replicas           int    `json:"replicas"`
		UpdatedReplicas    int    `json:"updatedReplicas"`
		ReadyReplicas      int    `json:"readyReplicas"`
		UpdateRevision     string `json:"updateRevision"` // of a StatefulSet
	} `json:"status"`
}

// pod is a pod.
type pod struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		NodeName string `json:"nodeName"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		Conditions []struct {
			Type, Status, Message string
		} `json:"conditions"`
		InitContainerStatuses []container `json:"initContainerStatuses"`
		ContainerStatuses     []container `json:"containerStatuses"`
	} `json:"status"`
}

// container is what a pod's status says of a container.
type container struct {
	Name         string
	Ready        bool
	RestartCount int
	State        struct {
		Waiting    *struct{ Reason, Message string }
		Terminated *termination
	}
	LastState struct{ Terminated *termination }
}

type termination struct {
	Reason   string
	ExitCode int
}

// list reads the objects of a kind and of a release into items.
func (c *Client) list(ctx context.Context, api, namespace, resource string, query url.Values, items any) error {
	body, err := c.get(ctx, path.Join(api, "namespaces", namespace, resource), query)
	if err != nil {
		return err
	}
	list := struct {
		Items any `json:"items"`
	}{items}
	return json.Unmarshal(body, &list)
}

// logOf returns the last lines of a container's log: those of its previous run if previous is
// true.
func (c *Client) logOf(ctx context.Context, p pod, container string, previous bool, lines int) (string, error) {
	body, err := c.get(ctx, path.Join("api/v1/namespaces", p.Metadata.Namespace, "pods", p.Metadata.Name, "log"),
		url.Values{"container": {container}, "previous": {fmt.Sprint(previous)}, "tailLines": {fmt.Sprint(lines)}})
	return string(body), err
}

// maxResponse is more than any release's pods need, and less than what fills memory.
const maxResponse = 64 << 20

func (c *Client) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	target := c.base.JoinPath(path) // #nosec G125 -- of versions, and of names that the API server has
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err == nil && response.StatusCode != http.StatusOK {
		var status metav1.Status
		_ = json.Unmarshal(body, &status) // another server's answer has none
		err = fmt.Errorf("GET %s: %s: %s", target.Redacted(), response.Status, status.Message)
		if response.StatusCode == http.StatusNotFound {
			err = fmt.Errorf("%w: %w", errNotFound, err)
		}
		if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
			err = deniedError{err}
		}
	}
	return body, err
}

// deniedError is the error of a request that the API server denies. A retry would be denied too.
type deniedError struct{ error }
