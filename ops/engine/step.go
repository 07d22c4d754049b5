package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// Step is what Pulumi would do with one resource.
type Step struct {
	Op  apitype.OpType
	URN urn.URN
	// Old is nil when the resource is created, New when it is deleted.
	Old, New *Resource
	// Changed has the paths of the properties that change.
	Changed map[string]apitype.PropertyDiff
}

// Resource is the step's resource: as it is if it exists, or else as it will be.
func (s Step) Resource() *Resource { return cmp.Or(s.Old, s.New) }

// Changes returns whether the step changes the resource. Components and resources that
// are only read have no change of their own.
func (s Step) Changes() bool {
	switch s.Op {
	case apitype.OpSame, apitype.OpRefresh, apitype.OpRead, apitype.OpReadReplacement, apitype.OpReadDiscard:
		return false
	}
	return s.Resource() != nil && s.Resource().Custom
}

// Changing returns the steps that change a resource.
func Changing(steps []Step) []Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return !s.Changes() })
}

// Preview returns the steps that `pulumi up` would take.
func (s *Stack) Preview(ctx context.Context) ([]Step, error) {
	return s.steps(ctx, func(stream chan<- events.EngineEvent) (auto.PreviewResult, error) {
		return s.api.Preview(ctx, optpreview.EventStreams(stream), optpreview.ConfigFile(s.ConfigFile))
	})
}

// Refresh returns the steps that `pulumi refresh` would take: what is not as the
// state has it. It changes nothing, the state included. With an error it returns
// what it saw before.
func (s *Stack) Refresh(ctx context.Context) ([]Step, error) {
	return s.steps(ctx, func(stream chan<- events.EngineEvent) (auto.PreviewResult, error) {
		return s.api.PreviewRefresh(ctx, optrefresh.EventStreams(stream), optrefresh.ConfigFile(s.ConfigFile))
	})
}

// steps runs an operation and gathers its steps. The error has what the engine
// reports as errors.
func (s *Stack) steps(ctx context.Context, run func(chan<- events.EngineEvent) (auto.PreviewResult, error)) ([]Step, error) {
	var (
		found    = stepList{first: map[urn.URN]int{}}
		problems []string
		causes   []string // problems, as hints take them
		of       = releases{}
		stream   = make(chan events.EngineEvent)
		ended    = make(chan struct{}) // closed when the operation has ended: stream stays open if it never began
		gathered = make(chan struct{})
	)
	go func() {
		defer close(gathered)
		for {
			select {
			case event, open := <-stream:
				if !open {
					return
				}
				switch {
				case event.ResourcePreEvent != nil:
					of.add(event.ResourcePreEvent.Metadata)
					found.add(stepOf(event.ResourcePreEvent.Metadata))
				case event.ResOutputsEvent != nil:
					// Only this event says what a refresh has found.
					found.replace(stepOf(event.ResOutputsEvent.Metadata))
				case event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "error":
					problems = append(problems, strings.TrimSpace(plain(event.DiagnosticEvent.Message)))
					causes = append(causes, located(event.DiagnosticEvent))
				}
			case <-ended:
				return
			}
		}
	}()
	_, err := run(stream)
	close(ended)
	<-gathered
	switch {
	case err == nil:
		return found.steps, nil
	case ctx.Err() != nil:
		return found.steps, context.Cause(ctx)
	case isLocked(append(problems, err.Error())):
		return found.steps, fmt.Errorf("%w: %w", ErrLocked, s.explained(ctx, err))
	case len(problems) > 0:
		if out := s.wayOut(causes, of); out != "" {
			problems = append(problems, out)
		}
		return found.steps, errors.New(strings.Join(slices.Compact(problems), "\n"))
	}
	return found.steps, s.explained(ctx, err)
}

// stepList is the steps of an operation in their order. A resource can have several, as
// a replacement has.
type stepList struct {
	steps []Step
	first map[urn.URN]int // where the first step of a resource is
}

func (l *stepList) add(s Step) {
	if _, found := l.first[s.URN]; !found {
		l.first[s.URN] = len(l.steps)
	}
	l.steps = append(l.steps, s)
}

// replace puts s in place of the resource's step of the same operation, or of its refresh. If
// there is neither, it adds s.
func (l *stepList) replace(s Step) {
	at, found := l.first[s.URN]
	for ; found && at < len(l.steps); at++ {
		if before := l.steps[at]; before.URN == s.URN && (before.Op == s.Op || before.Op == apitype.OpRefresh) {
			l.steps[at] = s
			return
		}
	}
	l.add(s)
}

func stepOf(m apitype.StepEventMetadata) Step {
	return Step{Op: m.Op, URN: urn.URN(m.URN), Old: stateOf(m.Old), New: stateOf(m.New), Changed: m.DetailedDiff}
}

func stateOf(m *apitype.StepEventStateMetadata) *Resource {
	if m == nil {
		return nil
	}
	return &Resource{
		URN: urn.URN(m.URN), Type: m.Type, ID: m.ID, Custom: m.Custom, Parent: urn.URN(m.Parent),
		Inputs: m.Inputs, Outputs: m.Outputs, Provider: m.Provider,
	}
}

// plain returns a message without the engine's marks for colours, like <{%reset%}>.
func plain(message string) string {
	var text strings.Builder
	for {
		before, rest, found := strings.Cut(message, "<{%")
		text.WriteString(before)
		if !found {
			return text.String()
		}
		_, message, _ = strings.Cut(rest, "%}>")
	}
}

// String returns the operation and the URN, for the messages of tests.
func (s Step) String() string { return fmt.Sprintf("%s %s", s.Op, s.URN) }
