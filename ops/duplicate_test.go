package main

import (
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program of an earlier version, on the state of this one, notes the namespace a second
// time. The next up would delete it.
func TestCheckDuplicates(t *testing.T) {
	const kind = "kubernetes:core/v1:Namespace"
	resource := func(parents, kind, name, id string) *engine.Resource {
		return &engine.Resource{URN: urn.URN("urn:pulumi:s::p::" + parents + kind + "::" + name), Type: kind, ID: id, Custom: true}
	}
	ours := resource("picluster:tracing:Tracing$picluster:kubernetes:Namespace$", kind, "tempo-namespace", "tempo")
	theirs := resource("picluster:kube:Namespace$", kind, "tempo-namespace", "tempo")
	read := resource("", kind, "kube-system", "tempo")
	read.External = true
	key := func(parents string) *engine.Resource {
		return resource(parents, "random:index/randomPassword:RandomPassword", "tempo-secret-key", "none")
	}

	for _, state := range [][]*engine.Resource{{ours, theirs}, {theirs, ours}} {
		err := checkDuplicates(command.Names{Stack: "s"}, &engine.State{Resources: state})
		require.ErrorContains(t, err, "the state has kubernetes:core/v1:Namespace tempo twice")
		assert.ErrorContains(t, err, "Fix: pulumi state delete --stack s --target-dependents '"+string(theirs.URN)+"'")
	}
	assert.ErrorContains(t, checkDuplicates(command.Names{Stack: "s"}, &engine.State{Resources: []*engine.Resource{theirs, theirs}}), "twice")
	assert.NoError(t, checkDuplicates(command.Names{Stack: "s"}, &engine.State{Resources: []*engine.Resource{ours, read, key("a$"), key("b$")}}))
	assert.NoError(t, checkDuplicates(command.Names{Stack: "s"}, &engine.State{Resources: []*engine.Resource{theirs, key("")}}), "a stack of an earlier version")
}
