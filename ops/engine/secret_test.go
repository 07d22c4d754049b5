package engine

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/stretchr/testify/assert"
)

func TestSecretFields(t *testing.T) {
	env := func(name, field string) any {
		return map[string]any{"name": name, "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "keys", "key": field}}}
	}
	released := func(variables ...any) *State {
		return &State{Resources: []*Resource{
			{Type: ReleaseType, Inputs: map[string]any{"values": map[string]any{"grafana": map[string]any{}}}},
			{Type: ReleaseType, Inputs: map[string]any{"values": map[string]any{"a": true, "tempo": map[string]any{"extraEnv": variables}}}},
		}}
	}
	config := func(pairs ...string) Config {
		values := auto.ConfigMap{}
		for i := 0; i < len(pairs); i += 2 {
			values["p:"+pairs[i]] = auto.ConfigValue{Value: pairs[i+1]}
		}
		return Config{project: "p", values: values}
	}
	both := config("accessKeyField", "ID", "secretKeyField", "KEY")
	for name, test := range map[string]struct {
		state  *State
		config Config
		want   SecretFields
	}{
		"default":          {&State{}, config(), SecretFields{"MINIO_ACCESS_KEY_ID", "MINIO_SECRET_ACCESS_KEY"}},
		"configured":       {&State{}, both, SecretFields{"ID", "KEY"}},
		"one configured":   {&State{}, config("secretKeyField", "KEY"), SecretFields{"MINIO_ACCESS_KEY_ID", "KEY"}},
		"deployed":         {released(env("GOGC", "x"), env("MINIO_ACCESS_KEY_ID", "id"), env("MINIO_SECRET_ACCESS_KEY", "key")), config(), SecretFields{"id", "key"}},
		"not yet deployed": {released(env("MINIO_ACCESS_KEY_ID", "id"), env("MINIO_SECRET_ACCESS_KEY", "key")), both, SecretFields{"id", "key"}},
		"keys inline":      {released(), both, SecretFields{"ID", "KEY"}},
		"no reference":     {released(map[string]any{"name": "MINIO_ACCESS_KEY_ID", "value": "v"}), both, SecretFields{"ID", "KEY"}},
	} {
		assert.Equal(t, test.want, test.state.SecretFields(test.config), name)
	}
	assert.Equal(t, SecretFields{"MINIO_ACCESS_KEY_ID", "MINIO_SECRET_ACCESS_KEY"}, SecretFields{}.OrDefault())
	assert.Equal(t, SecretFields{"a", "b"}, SecretFields{"a", "b"}.OrDefault())
}
