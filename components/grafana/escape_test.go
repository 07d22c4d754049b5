package grafana

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// readProvisioning does what Grafana does with a value of a provisioning file
// (pkg/services/provisioning/values): $$ is a $, and any other is a variable,
// none of which is set here.
func readProvisioning(s string) string {
	parts := strings.Split(s, "$$")
	for i, part := range parts {
		if before, _, found := strings.Cut(part, "$"); found {
			parts[i] = before + "<expanded>"
		}
	}
	return strings.Join(parts, "$")
}

func TestEscapeProvisioning(t *testing.T) {
	for _, s := range []string{
		"",
		"plain",
		"${__value.raw}",
		`{${__tags}} | trace_id="${__span.traceId}"`,
		`${__data.fields["traceID"]}`,
		"$1 and $$2",
	} {
		assert.Equal(t, s, readProvisioning(escapeProvisioning(s)))
	}
	assert.Equal(t, "$${__value.raw}", escapeProvisioning("${__value.raw}"))
	assert.Equal(t, "<expanded>", readProvisioning("${__value.raw}"), "unescaped, it would not survive")
}
