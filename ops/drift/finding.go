// Package drift finds what differs between a stack's state, its cluster and its
// MinIO. Finding writes nothing; Fix restores what is MinIO's alone.
package drift

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/picluster/picluster/internal/command"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
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
	// What is the thing by its name in messages, like "Deployment tempo/tempo-querier".
	What string
	// Is says how it is, and how it should be, in brief.
	Is string
	// Now is what is there, and Then what a repair writes, in full except for secrets. Change is
	// the difference between the two, if it is an object. All are empty if Is says it.
	Now, Then, Change string

	// URN is the resource that Pulumi restores; empty if it is none.
	URN urn.URN
	// Release is the release whose objects Helm restores, as NAMESPACE/RELEASE;
	// empty if it is none.
	Release string
	// Fix restores it in MinIO; nil if that is Pulumi's to do.
	Fix func(context.Context) error
	// Unmerged returns the finding with a Fix of its own, if Helm's merge of the manifest and the
	// live object is not a valid object; else nil. It sends a dry run to the API server. Unmerged
	// is nil if there is no live object to merge.
	Unmerged func(context.Context) (*Finding, error)
	// Enables says that Fix enables a user that was disabled.
	Enables bool
	// Failed says that it is a release whose last operation has failed.
	Failed bool
	// Stale says that the state has an older revision of a release than Helm, which a
	// refresh stores.
	Stale bool
	// ByUp says that the next `pulumi up` restores it.
	ByUp bool
	// Pending is a change of the configuration that no up has deployed yet.
	Pending bool
}

// Repairable returns whether a repair restores the finding. What another client has added is only
// reported.
func (f Finding) Repairable() bool { return f.Fix != nil || f.Release != "" || f.URN != "" }

// after returns which command restores or deploys the finding.
func (f Finding) after() string {
	switch {
	case f.Pending:
		return "up deploys it"
	case f.ByUp:
		return "up restores it"
	case f.Repairable():
		return "repair restores it"
	}
	return "reported only"
}

// Table writes findings for a terminal, each with its number.
func Table(w io.Writer, findings []Finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NO\tWHERE\tWHAT\tTHEN\tIS")
	for i, f := range findings {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", i+1, f.Where, f.What, f.after(), oneLine(f.Is))
	}
	return table.Flush()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// longest is how long Markdown gets, in bytes: an issue on GitHub has at most
// 65,536 characters.
const longest = 60_000

// Markdown returns a look as a table for an issue.
func (l *Look) Markdown(commands command.Names) string {
	var text strings.Builder
	stack := commands.Stack
	if len(l.Findings) == 0 {
		fmt.Fprintf(&text, "Stack `%s` has not drifted.\n", stack)
	} else {
		fmt.Fprintf(&text, "Stack `%s` has drifted.\n\n| no | where | what | then | is |\n|---|---|---|---|---|\n", stack)
	}
	for i, f := range l.Findings {
		row := fmt.Sprintf("| %d | %s | %s | %s | %s |\n", i+1, f.Where, cell(f.What), f.after(), cell(f.Is))
		if text.Len()+len(row) > longest {
			fmt.Fprintf(&text, "\n%d more: `%s`\n", len(l.Findings)-i, commands.Picluster("drift"))
			break
		}
		text.WriteString(row)
	}
	if len(l.Ignored) > 0 {
		fmt.Fprintf(&text, "\nIgnored by `driftIgnore`: %d\n", len(l.Ignored))
	}
	if steps := NextSteps(l.Findings, commands); steps != "" {
		fmt.Fprintf(&text, "\n```\n%s```\n", steps)
	}
	return text.String()
}

// NextSteps returns what to do about findings, a line each.
func NextSteps(findings []Finding, commands command.Names) string {
	var pending, repairable, reported bool
	for _, f := range findings {
		pending = pending || f.Pending
		repairable = repairable || f.Repairable() && !f.Pending
		reported = reported || !f.Repairable() && !f.Pending
	}
	var text strings.Builder
	if pending {
		fmt.Fprintf(&text, "Deploy the change:        %s\n", commands.Picluster("up"))
	}
	if repairable {
		fmt.Fprintf(&text, "Restore it:               %s\n", commands.Picluster("repair"))
		fmt.Fprintf(&text, "Accept it into the state: %s\n", commands.Picluster("refresh"))
	}
	if reported {
		text.WriteString("Reported only:            remove it where it was added, or add it to driftIgnore\n")
	}
	return text.String()
}

// cell keeps a text from ending its cell of a table, or from being more than text.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "`", "'").Replace(text)
}

// sorted sorts findings by where and what they are, and returns them.
func sorted(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What), cmp.Compare(a.Is, b.Is))
	})
	return findings
}
