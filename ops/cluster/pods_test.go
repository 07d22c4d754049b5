package cluster_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestPodsServicesAndSecrets(t *testing.T) {
	const n = "/api/v1/namespaces/n/"
	c := open(t, serve(t, map[string]string{
		n + "pods":         `{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"p","namespace":"n"}}]}`,
		n + "services":     `{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"s","namespace":"n"}}]}`,
		n + "services/s":   `{"kind":"Service","apiVersion":"v1","metadata":{"name":"s","namespace":"n"},"spec":{"ports":[{"port":3200}]}}`,
		n + "secrets/k":    `{"kind":"Secret","apiVersion":"v1","data":{"a":"` + base64.StdEncoding.EncodeToString([]byte("b")) + `"}}`,
		n + "pods/p/log":   "first\nlast\n",
		n + "pods/big/log": strings.Repeat("x", 1<<20),
	}))
	ctx := t.Context()

	pods, err := c.Pods(ctx, "n", "a=b")
	require.NoError(t, err)
	require.Len(t, pods, 1)
	assert.Equal(t, "p", pods[0].Name)
	services, err := c.Services(ctx, "n", "a=b")
	require.NoError(t, err)
	require.Len(t, services, 1)
	assert.Equal(t, "s", services[0].Name)
	service, err := c.Service(ctx, "n", "s")
	require.NoError(t, err)
	assert.Equal(t, int32(3200), service.Spec.Ports[0].Port)
	secret, err := c.Secret(ctx, "n", "k")
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"a": []byte("b")}, secret)
	line, err := c.LastLine(ctx, "n", "p", "c", true)
	require.NoError(t, err)
	assert.Equal(t, "first\nlast", line, "the server was asked for one line")
	line, err = c.LastLine(ctx, "n", "big", "c", false)
	require.NoError(t, err)
	assert.Less(t, len(line), 1<<20)

	_, err = c.Service(ctx, "n", "none")
	assert.True(t, apierrors.IsNotFound(err), err)
	_, err = c.Secret(ctx, "n", "none")
	assert.True(t, apierrors.IsNotFound(err), err)
	_, err = c.LastLine(ctx, "n", "none", "c", true)
	assert.Error(t, err)
	_, err = c.Pods(ctx, "none", "")
	assert.Error(t, err)
	_, err = c.Services(ctx, "none", "")
	assert.Error(t, err)
}
