package prometheus

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// runbooks is where the sections of docs/alerts.md are, by the alert's name in lower case.
const runbooks = "https://github.com/picluster/picluster/blob/main/docs/alerts.md#"

// Groups returns the rules of a release of Tempo as a rules file of Prometheus has them, for
// its tests. Retention and thresholds are those of a stack that sets none.
func Groups(namespace, release string) []any {
	return AlertsArgs{}.withDefaults().groups(namespace, release)
}

// groups returns the section groups of the PrometheusRule.
func (a AlertsArgs) groups(namespace, release string) []any {
	var rules []any
	for _, alert := range All() {
		known := strings.NewReplacer(
			"$TEMPO", fmt.Sprintf(`namespace=%q,pod=~"%s-.+"`, namespace, release),
			"$NAMESPACE", namespace,
			"$RELEASE", release,
			"$RETENTION", promDuration(a.Retention),
			"$LIMIT", strconv.Itoa(a.Thresholds[alert.Threshold]),
		)
		rules = append(rules, map[string]any{
			"alert":  alert.Name,
			"expr":   known.Replace(alert.Expr),
			"for":    alert.For,
			"labels": map[string]any{"severity": alert.Severity},
			"annotations": map[string]any{
				"summary":     known.Replace(alert.Summary),
				"runbook_url": runbooks + strings.ToLower(alert.Name),
			},
		})
	}
	return []any{map[string]any{"name": "picluster-" + release, "rules": rules}}
}

// promDuration returns a duration of Go as one of Prometheus, which has no fractions.
func promDuration(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return text // validated
	}
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
