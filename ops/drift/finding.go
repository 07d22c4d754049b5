// Package drift finds what differs between a stack's state, its cluster and its
// MinIO, and puts right what Pulumi itself does not see. Finding writes nothing.
package drift

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/picluster/picluster/ops/object"
)

// Where drift is.
const (
	inMinIO      = "MinIO"
	inKubernetes = "Kubernetes"
	inPulumi     = "Pulumi" // between the configuration and the state
)

// Finding is one thing that is not as the stack has it.
type Finding struct {
	// Where is MinIO, Kubernetes or Pulumi.
	Where string
	// What is the thing as people call it, like "Deployment tempo/tempo-querier".
	What string
	// Is says how it is, and how it should be.
	Is string

	// mend puts it right; nil leaves that to Pulumi.
	mend func(context.Context) error
	// object is what is there then, to be waited for; nil if it is no object.
	object *object.Object
}

// Mendable returns those that Mend puts right.
func Mendable(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.mend == nil })
}

// Table writes findings for a terminal.
func Table(w io.Writer, findings []Finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHERE\tWHAT\tIS")
	for _, f := range findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Where, f.What, strings.Join(strings.Fields(f.Is), " "))
	}
	return table.Flush()
}

// Markdown returns findings as a table for an issue.
func Markdown(stack string, findings []Finding) string {
	if len(findings) == 0 {
		return fmt.Sprintf("Stack `%s` has not drifted.\n", stack)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Stack `%s` has drifted.\n\n| where | what | is |\n|---|---|---|\n", stack)
	for _, f := range findings {
		fmt.Fprintf(&text, "| %s | %s | %s |\n", f.Where, cell(f.What), cell(f.Is))
	}
	fmt.Fprintf(&text, "\nPut it right: `make up STACK=%s`. Accept it into the state: `make refresh STACK=%s`.\n", stack, stack)
	return text.String()
}

// cell keeps a text from ending its cell of a table, or from being more than text.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "`", "'").Replace(text)
}

// sorted returns findings in the order of where and what they are.
func sorted(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What))
	})
	return findings
}
