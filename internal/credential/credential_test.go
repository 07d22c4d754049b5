package credential_test

import (
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/credential"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type m = map[string]any

const hunter = "hunter2"

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		values m
		want   string // the path
	}{
		"snake case":             {m{"s3": m{"secret_key": hunter}}, "Values.s3.secret_key"},
		"camel case":             {m{"grafana": m{"adminPassword": hunter}}, "Values.grafana.adminPassword"},
		"kebab case":             {m{"x-api-key": hunter}, "Values.x-api-key"},
		"a dotted key":           {m{"grafana.ini": m{"auth.github": m{"client_secret": hunter}}}, `Values["grafana.ini"]["auth.github"].client_secret`},
		"OAuth":                  {m{"remote_write": []any{m{"oauth2": m{"client_secret": hunter}}}}, "Values.remote_write[0].oauth2.client_secret"},
		"a number as a password": {m{"password": 20262026}, "Values.password"},
		"htpasswd":               {m{"gateway": m{"basicAuth": m{"htpasswd": "u:$2y$10$" + hunter}}}, "Values.gateway.basicAuth.htpasswd"},
		"basicAuth in one":       {m{"basicAuth": "u:" + hunter}, "Values.basicAuth"},
		"a list of passwords":    {m{"passwords": []any{hunter}}, "Values.passwords"},
		"an Authorization":       {m{"headers": m{"Authorization": "Bearer " + hunter}}, "Values.headers.Authorization"},
		"a header with a token":  {m{"headers": m{"X-Grafana-Token": hunter}}, "Values.headers.X-Grafana-Token"},
		"a list of headers":      {m{"httpHeaders": []any{m{"name": "authorization", "value": hunter}}}, "Values.httpHeaders[0].value"},
		"headers as texts":       {m{"headers": []any{"Authorization: Basic " + hunter}}, "Values.headers[0]"},
		"env":                    {m{"extraEnv": []any{m{"name": "AWS_SECRET_ACCESS_KEY", "value": hunter}}}, "Values.extraEnv[0].value"},
		"env of AWS":             {m{"extraEnv": []any{m{"name": "AWS_ACCESS_KEY_ID", "value": hunter}}}, "Values.extraEnv[0].value"},
		"env as a map":           {m{"env": m{"GF_SECURITY_ADMIN_PASSWORD": hunter}}, "Values.env.GF_SECURITY_ADMIN_PASSWORD"},
		"a variable's default":   {m{"password": "${PASSWORD:-" + hunter + "}"}, "Values.password"},
		"a flag":                 {m{"extraArgs": []any{"-storage.trace.s3.secret-key=" + hunter}}, "Values.extraArgs[0]"},
		"flags as a map":         {m{"extraArgs": m{"storage.trace.s3.secret_key": hunter}}, `Values.extraArgs["storage.trace.s3.secret_key"]`},
		"a URL":                  {m{"url": "https://u:" + hunter + "@mimir/push"}, "Values.url"},
		"a database's URL":       {m{"env": []any{m{"name": "DATABASE_URL", "value": "postgres://u:" + hunter + "@db"}}}, "Values.env[0].value"},
		"a token in a URL":       {m{"url": "https://mimir/push?access_token=" + hunter}, "Values.url"},
		"a hook":                 {m{"api_url": "https://hooks.slack.com/services/T0/B0/" + hunter}, "Values.api_url"},
		"a data source's":        {m{"secureJsonData": m{"httpHeaderValue1": hunter}}, "Values.secureJsonData.httpHeaderValue1"},
		"an output":              {m{"password": pulumi.String(hunter).ToStringOutput()}, "Values.password"},
		"an output in a list":    {m{"tokens": []any{pulumi.String(hunter).ToStringOutput()}}, "Values.tokens"},
		"an output in env":       {m{"extraEnv": []any{m{"name": "TOKEN", "value": pulumi.String(hunter).ToStringOutput()}}}, "Values.extraEnv[0].value"},
		"a private key":          {m{"ca": "-----BEGIN RSA PRIVATE KEY-----\n" + hunter}, "Values.ca"},
		"a Secret":               {m{"extraObjects": []any{m{"kind": "Secret", "stringData": m{"a": hunter}}}}, "Values.extraObjects[0]"},
		"a Secret as a text":     {m{"extraObjects": []any{"apiVersion: v1\nkind: Secret\ndata: {a: " + hunter + "}\n"}}, "Values.extraObjects[0]"},
		"a configuration":        {m{"config": "[security]\nadmin_password = " + hunter + "\n"}, "Values.config"},
		"YAML in a text":         {m{"config": "s3:\n  secret_key: '" + hunter + "'\n"}, "Values.config"},
		"JSON in a text":         {m{"config": `{"a": [{"password": "` + hunter + `"}]}`}, "Values.config"},
	} {
		t.Run(name, func(t *testing.T) {
			found := credential.Find("Values", test.values)
			require.Len(t, found, 1)
			assert.Equal(t, test.want, found[0].Path)
			assert.NotContains(t, strings.TrimPrefix(found.Error(), test.want), hunter)
		})
	}
}

func TestFindNothing(t *testing.T) {
	for name, values := range map[string]m{
		"nothing":                 nil,
		"an empty one":            {"password": "", "token": nil},
		"a switch":                {"automountServiceAccountToken": true},
		"a number of tokens":      {"tokens": 512, "num_tokens": 128, "max_token": 3},
		"the name of a Secret":    {"existingSecret": "a", "tlsSecret": "b", "imagePullSecret": "c", "secretName": "d", "secrets": []any{"e"}},
		"the name of a field":     {"passwordKey": "admin-password", "userKey": "u", "existingSecretPasswordKey": "p"},
		"a file":                  {"password_file": "/etc/p", "bearer_token_file": "/var/t"},
		"env of a Secret":         {"extraEnv": []any{m{"name": "TOKEN", "valueFrom": m{"secretKeyRef": m{"name": "a", "key": "b"}}}}},
		"a reference":             {"basicAuth": m{"password": m{"name": "a", "key": "b"}}},
		"a variable":              {"password": "${PASSWORD}", "token": "$__file{/etc/t}", "headers": m{"Authorization": "Bearer ${TOKEN}"}},
		"a URL without":           {"url": "https://mimir:9009/api@v1/push?tenant=a", "user": "https://u@mimir"},
		"a variable in a URL":     {"url": "https://u:${PASSWORD}@mimir"},
		"a tenant":                {"headers": m{"X-Scope-OrgID": "team"}},
		"a projected token":       {"serviceAccountToken": m{"path": "token", "expirationSeconds": 3600}},
		"a Secret without data":   {"extraObjects": []any{m{"kind": "Secret", "metadata": m{"name": "a"}}}},
		"an ExternalSecret":       {"extraObjects": []any{m{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "spec": m{"data": []any{m{"secretKey": "password"}}}}}},
		"an encrypted one":        {"extraObjects": []any{m{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": m{"encryptedData": m{"password": "AgB"}}}}},
		"a volume of one":         {"extraVolumes": []any{m{"name": "token", "secret": m{"secretName": "a"}}}},
		"text that is like it":    {"config": "password_file: /etc/p\nsecret: ${A}\ntoken: null\nnum_token: 3\n", "note": "see the password"},
		"an env like it":          {"extraEnv": []any{m{"name": "TOKEN_TTL", "value": "5m"}, m{"name": "GOGC", "value": "50"}}},
		"a certificate":           {"ca": "-----BEGIN CERTIFICATE-----\nMII"},
		"JSON without":            {"config": `{"a": [1, "b"]}`},
		"a flag without":          {"args": []any{"--token-ttl=5m", "-config.expand-env=true"}},
		"outputs of plain values": {"replicas": pulumi.Int(2).ToIntOutput(), "on": pulumi.Bool(true).ToBoolOutput(), "ratio": pulumi.Float64(1).ToFloat64Output(), "optional": pulumi.StringPtr("a").ToStringPtrOutput(), "none": nil, "n": 1, "u": uint8(1), "b": true, "f": 1.5},
		"an output of no name":    {"host": pulumi.String("a").ToStringOutput(), "existingSecret": pulumi.String("a").ToStringOutput()},
	} {
		t.Run(name, func(t *testing.T) { assert.NoError(t, credential.Find("Values", values).Err()) })
	}
}

func TestFindAll(t *testing.T) {
	found := credential.Find("", m{"b": m{"password": hunter}, "a": []any{m{"token": hunter}}, "$odd key": m{"token": hunter}})
	require.Len(t, found, 3, "in a fixed order")
	assert.Equal(t, `["$odd key"].token`, found[0].Path)
	assert.Equal(t, "a[0].token", found[1].Path)
	assert.Equal(t, "b.password", found[2].Path)
}

// What hides its parts is rejected, whatever it is called.
func TestHiddenValues(t *testing.T) {
	for name, hidden := range map[string]any{
		"an output of a map":  pulumi.StringMap{"a": pulumi.String("b")}.ToStringMapOutput(),
		"an output of maps":   pulumi.Map{"a": pulumi.Map{"password": pulumi.String("hunter2")}}.ToMapOutput(),
		"an output of a list": pulumi.StringArray{pulumi.String("a")}.ToStringArrayOutput(),
		"an output of any":    pulumi.Any("a"),
		"a struct":            struct{ Password string }{"hunter2"},
		"a pointer to one":    &struct{ Password string }{"hunter2"},
		"a function":          func() {},
	} {
		for path, values := range map[string]map[string]any{
			"Values.x":                {"x": hidden},
			"Values.x.y[0]":           {"x": map[string]any{"y": []any{hidden}}},
			"Values.x.secureJsonData": {"x": map[string]any{"secureJsonData": hidden}},
		} {
			found := credential.Find("Values", values)
			if assert.Len(t, found, 1, name) {
				assert.Equal(t, path, found[0].Path)
				assert.Contains(t, found[0].Error(), "want a map, a list or a plain value, because what is in an output or a struct cannot be checked")
				assert.NotContains(t, found[0].Error(), "hunter2")
			}
		}
	}
}
