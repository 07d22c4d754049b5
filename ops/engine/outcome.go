package engine

import (
	"maps"
	"reflect"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Outcome is what a command of Pulumi did to a stack.
type Outcome struct {
	// Changes are the numbers of resources by what was done with them. Nil if nothing was
	// done, as after a preview that was declined.
	Changes map[apitype.OpType]int
	// Outputs are the names of the stack's outputs that have another value than before,
	// in their order. Secret outputs are not compared.
	Outputs []string
}

// add adds what an event of the engine says. Those of the preview before an up do not count.
func (o *Outcome) add(event apitype.EngineEvent) {
	if summary := event.SummaryEvent; summary != nil && !summary.IsPreview {
		o.Changes = summary.ResourceChanges
	}
	if outputs := event.ResOutputsEvent; outputs != nil && !outputs.Planning && outputs.Metadata.Type == "pulumi:pulumi:Stack" {
		o.Outputs = changed(outputsOf(outputs.Metadata.Old), outputsOf(outputs.Metadata.New))
	}
}

func outputsOf(state *apitype.StepEventStateMetadata) map[string]any {
	if state == nil {
		return nil
	}
	return state.Outputs
}

// changed returns the keys whose values differ, in their order.
func changed(before, after map[string]any) []string {
	var keys []string
	for key := range maps.Keys(after) {
		if was, found := before[key]; !found || !reflect.DeepEqual(was, after[key]) {
			keys = append(keys, key)
		}
	}
	for key := range before {
		if _, found := after[key]; !found {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
