package object_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/picluster/picluster/ops/object"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRedactText(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		// URLs
		"a URL":                              {"http://bob:hunter2@proxy:3128", "http://[secret]@proxy:3128"},
		"a URL in a longer text":             {"dial postgres+ssl://bob:hunter2@db/x?y=1: refused", "dial postgres+ssl://[secret]@db/x?y=1: refused"},
		"a URL without a user":               {"redis://:1234@cache", "redis://[secret]@cache"},
		"a URL with an @ in the password":    {"http://bob:hun@ter2@proxy", "http://[secret]@proxy"},
		"a URL with a slash in the password": {"http://bob:hun/ter2@proxy", "http://[secret]@proxy"},
		"two URLs":                           {"http://a:hunter2@b,http://c:hunter2@d", "http://[secret]@b,http://[secret]@d"},
		"a URL in a text of many lines":      {"a: b\nurl: \"http://bob:hunter2@proxy\"\nc: d", "a: b\nurl: \"http://[secret]@proxy\"\nc: d"},

		// Lines
		"YAML":                    {"secret_key: hunter2", "secret_key: [secret]"},
		"YAML, indented":          {"s3:\n  bucket: tempo\n  accessKey: 'hunter2' # of MinIO\n  region: x", "s3:\n  bucket: tempo\n  accessKey: [secret]\n  region: x"},
		"YAML, in a list":         {"- apiKey: hunter2\n  name: x", "- apiKey: [secret]\n  name: x"},
		"YAML, a block":           {"private_key: |-\n  hunter2\n\n  hunter2\nother: x", "private_key: |-\n  [secret]\n\n  [secret]\nother: x"},
		"YAML, a continued value": {"token: hunter2\n  hunter2\nother: x", "token: [secret]\n  [secret]\nother: x"},
		"YAML, a section":         {"credentials:\n  user: hunter2\n  more:\n    key: hunter2\n  passwordFile: /x\nother: x", "credentials:\n  user: [secret]\n  more:\n    key: [secret]\n  passwordFile: /x\nother: x"},
		"YAML, a section in it":   {"credentials:\n  more:\n    key: hunter2\n  user: hunter2\nother: x", "credentials:\n  more:\n    key: [secret]\n  user: [secret]\nother: x"},
		"YAML, a list of items":   {"credentials:\n- name: a\n  key: hunter2\nother: x", "credentials:\n- name: a\n  key: [secret]\nother: x"},
		"YAML, a list of values":  {"api_keys:\n- hunter2\n- hunter2\nother: x", "api_keys:\n- [secret]\n- [secret]\nother: x"},
		"YAML, name and value":    {"- name: DB_PASSWORD\n  value: hunter2\n- name: B\n  value: b", "- name: DB_PASSWORD\n  value: [secret]\n- name: B\n  value: b"},
		"YAML, in braces":         {"s3: {bucket: tempo, secret_key: hunter2, region: x}", "s3: {bucket: tempo, secret_key: [secret], region: x}"},
		"an env file":             {"A=b\nAPI_TOKEN=hunter2 hunter2\nexport DB_PASSWD='hunter2'", "A=b\nAPI_TOKEN=[secret]\nexport DB_PASSWD=[secret]"},
		"a properties file":       {"db.password = hunter2", "db.password = [secret]"},
		"a flag":                  {"--db-password=hunter2", "--db-password=[secret]"},
		"a flag with one dash":    {"-s3.secret_key=hunter2", "-s3.secret_key=[secret]"},
		"flags in a command":      {"exec run --a=b --db-password='hunter2 hunter2' --token hunter2 --c", "exec run --a=b --db-password=[secret] --token [secret] --c"},
		"variables of a command":  {"A=b API_TOKEN=hunter2 run", "A=b API_TOKEN=[secret] run"},
		"a connection string":     {"host=db user=x password=hunter2 port=5432", "host=db user=x password=[secret] port=5432"},
		"a header":                {"Authorization: Bearer hunter2", "Authorization: [secret]"},
		"a header in a command":   {`curl -H "Authorization: Bearer hunter2" http://x`, `curl -H "Authorization: [secret]" http://x`},
		"headers of an exporter":  {"x=y,Authorization=Basic hunter2", "x=y,Authorization=[secret]"},
		"JSON":                    {`{"a":"b","password":"hunter2","c":1}`, `{"a":"b","password":[secret],"c":1}`},
		"JSON, name and value":    {`[{"name":"API_TOKEN","value":"hunter2"},{"name":"B","value":"b"}]`, `[{"name":"API_TOKEN","value":[secret]},{"name":"B","value":"b"}]`},
		"JSON in JSON":            {`{"x":"{\"password\":\"hunter2\",\"a\":1}"}`, `{"x":"{\"password\":[secret],\"a\":1}"}`},
		"JSON, a section":         {"\"credentials\": {\n  \"key\": \"hunter2\",\n  \"on\": true\n},\n\"a\": 1", "\"credentials\": {\n  \"key\": [secret]\n  \"on\": true\n},\n\"a\": 1"},
		"a diff":                  {"   a: b\n-  password: hunter2\n+  password: hunter22", "   a: b\n-  password: [secret]\n+  password: [secret]"},
		"a reference, and more":   {"token_file=/x,password=hunter2", "token_file=/x,password=[secret]"},
		"a mounted Secret":        {`{"secret":{"secretName":"tempo-s3"},"password":"hunter2"}`, `{"secret":{"secretName":"tempo-s3"},"password":[secret]}`},
	} {
		t.Run(name, func(t *testing.T) {
			redacted := object.Redact(test.text, nil)
			assert.Equal(t, test.want, redacted)
			assert.Equal(t, redacted, object.Redact(redacted, nil), "twice")
		})
	}
}

func TestRedactNames(t *testing.T) {
	for _, name := range []string{"password", "dbPassword", "DB_PASSWORD", "db-passwd", "PASSWORDS", "clientSecret", "secret", "authToken", "token", "TOKEN",
		"apiKey", "api_key", "api-key", "API_KEY", "apikey", "accessKeyID", "s3.access_key", "privateKey", "PRIVATE-KEY", "credentials", "Authorization"} {
		assert.Equal(t, name+": [secret]", object.Redact(name+": hunter2", nil))
	}
	for _, name := range []string{"secretName", "SECRET_NAME", "secretKeyRef", "secretRef", "imagePullSecrets", "automountServiceAccountToken",
		"serviceAccountToken", "valueFrom", "PASSWORD_FILE", "bearer_token_file", "tokenPath", "key", "author", "pass", "bucket"} {
		assert.Equal(t, name+": hunter2", object.Redact(name+": hunter2", nil))
	}
}

func TestRedactLeavesTheRest(t *testing.T) {
	for _, text := range []string{
		"", "http://proxy:3128/a@b", "ssh://git@github.com/x", "oci://registry:5000/tempo@sha256:0123", "http://${USER}:${PASSWORD}@proxy", "http://bob:@proxy",
		"registry/token-service:1.2.3", "tokens: 5", "token_ttl: 3600", "enable_token: true # as before", "use_secret: \"false\"", "secret_key: ${SECRET_KEY}",
		"--password=$(DB_PASSWORD)", "API_TOKEN=", "api_key: \"\"", "private_key: null", "secret: [secret, changed]",
		"volumes:\n- secret:\n    secretName: tempo-s3\n    items:\n    - key: a\n      path: b", "secret: {secretName: tempo-s3, items: [{key: a}]}",
		"secretKeyRef:\n  name: tempo-s3\n  key: root", "creating secret: already exists", `secrets "tempo-s3" not found`, "flag needs an argument: --token",
	} {
		assert.Equal(t, text, object.Redact(text, nil))
	}
}

// leaky returns a Deployment and a ConfigMap with a secret value in each place of them. Each
// value contains secret.
func leaky(t *testing.T, secret string) []*object.Object {
	t.Helper()
	objects, err := object.Parse(strings.ReplaceAll(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: tempo}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      imagePullSecrets: [{name: pull}]
      volumes:
      - name: s3
        secret: {secretName: tempo-s3, items: [{key: config, path: config.yaml}]}
      - name: sa
        projected: {sources: [{serviceAccountToken: {path: token}}, {secret: {name: tempo-more}}]}
      containers:
      - name: tempo
        image: tempo:1
        args: [-target=all, --db-password=LEAK, -s3.secret_key=LEAK, --token, LEAK, --use-token, --last]
        command: [sh, -c, "run --api-key LEAK && true"]
        env:
        - {name: API_TOKEN, value: LEAK}
        - {name: HTTP_PROXY, value: "http://bob:LEAK@proxy:3128"}
        - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: tempo-db, key: root}}}
        - {name: TOKEN_FILE, value: /run/token}
        - {name: USE_TOKEN, value: "true"}
        - {name: MY_SECRET, value: "${OTHER}"}
        envFrom: [{secretRef: {name: tempo-env}}]
        livenessProbe: {httpGet: {port: 1, httpHeaders: [{name: Authorization, value: Bearer LEAK}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tempo}
data:
  adminPassword: LEAK
  proxy: see http://bob:LEAK@proxy:3128 for more
  env: "A=1\nAPI_TOKEN=LEAK\n"
  tempo.yaml: |
    storage:
      s3:
        bucket: tempo
        secret_key: LEAK
        access_key: ${ACCESS_KEY}
        private_key: |
          BEGIN
          LEAK
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: thing}
spec:
  apiKeys: [LEAK, LEAK]
  credentials: {user: LEAK, more: {key: LEAK}, passwordRef: {name: a, key: b}, items: [{name: item, key: LEAK}]}
---
apiVersion: v1
kind: Secret
metadata: {name: secret}
stringData: {config: LEAK, same: "true"}
`, "LEAK", secret))
	require.NoError(t, err)
	return objects
}

func TestNoSecretIsShown(t *testing.T) {
	const one, two = "hunter2hunter2", "swordfish99"
	var shown strings.Builder
	objects, others := leaky(t, one), leaky(t, two)
	for i, o := range objects {
		empty := &object.Object{Object: map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind()}}
		for _, pair := range [][2]*object.Object{{o, others[i]}, {o, empty}, {empty, o}, {o, nil}, {nil, o}} {
			diff, err := object.Diff(pair[0], pair[1], nil)
			require.NoError(t, err)
			shown.WriteString(diff)
			if pair[0] == nil || pair[1] == nil {
				continue
			}
			for _, d := range object.Differences(pair[0], pair[1], nil) {
				values, err := json.Marshal(d)
				require.NoError(t, err)
				fmt.Fprintln(&shown, d.String(), string(values))
			}
		}
	}
	assert.NotContains(t, shown.String(), one)
	assert.NotContains(t, shown.String(), two)
	assert.NotContains(t, shown.String(), "secret#", "a placeholder")
	for _, harmless := range []string{"secretName: tempo-s3", "name: pull", "key: config", "path: config.yaml", "path: token", "name: tempo-more", "automountServiceAccountToken: false",
		"key: root", "name: tempo-db", "name: tempo-env", "value: /run/token", `value: "true"`, "value: ${OTHER}", "bucket: tempo", "access_key: ${ACCESS_KEY}", "-target=all", "- --last", "key: b", "name: item"} {
		assert.Contains(t, shown.String(), harmless)
	}
}

func TestDifferencesOfHiddenValues(t *testing.T) {
	var said []string
	for i, others := 0, leaky(t, "swordfish99"); i < len(others); i++ {
		for _, d := range object.Differences(leaky(t, "hunter2hunter2")[i], others[i], nil) {
			said = append(said, d.String())
		}
	}
	const container = "spec.template.spec.containers[tempo]."
	assert.Equal(t, []string{
		container + `args is ["-target=all","--db-password=[secret, changed]","-s3.secret_key=[secret, change…, and should be ["-target=all","--db-password=[secret]","-s3.secret_key=[secret]","--token","[se…`,
		container + `command is ["sh","-c","run --api-key [secret, changed] \u0026\u0026 true"], and should be ["sh","-c","run --api-key [secret] \u0026\u0026 true"]`,
		container + `env[API_TOKEN].value is another, and should be the stack's`,
		container + `env[HTTP_PROXY].value is "http://[secret, changed]@proxy:3128", and should be "http://[secret]@proxy:3128"`,
		container + `livenessProbe.httpGet.httpHeaders[Authorization].value is another, and should be the stack's`,
		`data.adminPassword is another, and should be the stack's`,
		`data.env has "API_TOKEN=[secret, changed]" in line 2, and should have "API_TOKEN=[secret]"`,
		`data.proxy is "see http://[secret, changed]@proxy:3128 for more", and should be "see http://[secret]@proxy:3128 for more"`,
		`data.tempo.yaml has "    secret_key: [secret, changed]" in line 4, and should have "    secret_key: [secret]"`,
		`spec.apiKeys is ["[secret, changed]","[secret, changed]"], and should be ["[secret]","[secret]"]`,
		`spec.credentials.items[item].key is another, and should be the stack's`,
		`spec.credentials.more.key is another, and should be the stack's`,
		`spec.credentials.user is another, and should be the stack's`,
		`data.config is another, and should be the stack's`,
	}, said)
}

func TestDifferencesOfOneHiddenValue(t *testing.T) {
	env := func(value string) *object.Object {
		return one(t, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","env":[`+value+`]}]}}`)
	}
	token := func(value string) *object.Object { return env(`{"name":"TOKEN","value":"` + value + `"}`) }
	args := func(a, b string) *object.Object {
		return one(t, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","args":["--token=`+a+`","--token=`+b+`"]}]}}`)
	}
	for name, test := range map[string]struct {
		live, want *object.Object
		said       []string
	}{
		"equal":      {token("hunter2"), token("hunter2"), nil},
		"added":      {env(`{"name":"TOKEN","value":"hunter2"}`), env(""), []string{`spec.containers[c].env[TOKEN] is {"name":"TOKEN","value":"[secret]"}, and should not be there`}},
		"gone":       {env(`{"name":"TOKEN"}`), token("hunter2"), []string{`spec.containers[c].env[TOKEN].value is gone, and should be the stack's`}},
		"a value":    {token("hunter2"), token("${TOKEN}"), []string{`spec.containers[c].env[TOKEN].value is "[secret]", and should be "${TOKEN}"`}},
		"exchanged":  {args("a9", "b9"), args("b9", "a9"), []string{`spec.containers[c].args is ["--token=[secret, changed]","--token=[secret, changed]"], and should be ["--token=[secret]","--token=[secret]"]`}},
		"one of two": {args("a9", "b9"), args("a9", "c9"), []string{`spec.containers[c].args is ["--token=[secret]","--token=[secret, changed]"], and should be ["--token=[secret]","--token=[secret]"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			var said []string
			for _, d := range object.Differences(test.live, test.want, nil) {
				said = append(said, d.String())
			}
			assert.Equal(t, test.said, said)
		})
	}
}

func TestDiffOfHiddenValues(t *testing.T) {
	config := func(text string) *object.Object {
		return one(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"`+text+`"}}`)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"changed":            {`x: y\ntoken: hunter2\n`, `x: y\ntoken: swordfish\n`, "     x: y\n-    token: [secret]\n+    token: [secret, changed]\n"},
		"the line beside it": {`x: y\ntoken: hunter2\n`, `x: z\ntoken: hunter2\n`, "-    x: y\n+    x: z\n     token: [secret]\n"},
		"added":              {`x: y\n`, `x: y\ntoken: swordfish\n`, "     x: y\n+    token: [secret]\n"},
		"the host as well":   {`http://a:b@c`, `http://a:d@e`, "-  a: http://[secret]@c\n+  a: http://[secret, changed]@e\n"},
		"the host alone":     {`http://a:b@c`, `http://a:b@e`, "-  a: http://[secret]@c\n+  a: http://[secret]@e\n"},
		"moved and changed":  {`token: a9\nx: y\n`, `x: y\ntoken: b9\n`, "-    token: [secret]\n     x: y\n+    token: [secret]\n"},
		"exchanged":          {`token: a9\nx: y\ntoken: b9\n`, `token: b9\nx: y\ntoken: a9\n`, "-    token: [secret]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			diff, err := object.Diff(config(test.old), config(test.new), nil)
			require.NoError(t, err)
			assert.Contains(t, diff, test.want)
		})
	}
}

// The values of a Secret are hidden, whatever they are.
func TestASecretHasNoHarmlessValue(t *testing.T) {
	secret := one(t, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":"1234","b":"true"}}`)
	diff, err := object.Diff(nil, secret, nil)
	require.NoError(t, err)
	assert.Contains(t, diff, "+  a: '[secret]'\n+  b: '[secret]'\n")
}

func TestAdded(t *testing.T) {
	assert.True(t, object.Difference{Live: 1}.Added())
	assert.False(t, object.Difference{Live: 1, Want: 2}.Added())
	assert.False(t, object.Difference{Want: 2}.Added())
}
