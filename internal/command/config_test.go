package command_test

import (
	"testing"

	"github.com/picluster/picluster/internal/command"
	"github.com/stretchr/testify/assert"
)

func TestOnStack(t *testing.T) {
	for text, want := range map[string]string{
		"Fix: pulumi config set bucket NAME":                "Fix: pulumi config set --stack prod bucket NAME",
		"pulumi config set --path 'a[0].b' x":               "pulumi config set --stack prod --path 'a[0].b' x",
		"pulumi config set --secret a; pulumi config rm b":  "pulumi config set --stack prod --secret a; pulumi config rm --stack prod b",
		"pulumi config set-all --plaintext a=b":             "pulumi config set-all --stack prod --plaintext a=b",
		"pulumi config set --stack dev a b":                 "pulumi config set --stack dev a b",
		"picluster up --stack dev; pulumi stack output":     "picluster up --stack dev; pulumi stack output",
		"pulumi config lists what is set; pulumi configure": "pulumi config lists what is set; pulumi configure",
	} {
		assert.Equal(t, want, command.OnStack(text, "prod"))
		assert.Equal(t, want, command.OnStack(want, "prod"), "twice")
	}
	assert.Equal(t, "pulumi config rm --stack 'a b' key", command.OnStack("pulumi config rm key", "a b"))
}
