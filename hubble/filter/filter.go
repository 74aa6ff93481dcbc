// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/hubble/internal/raw"
	"github.com/cilium/monitor/interest"
)

// ErrUnsupported is the error of a filter that is not implemented, which is CEL alone.
var ErrUnsupported = errors.New("filters in CEL, the Common Expression Language, are not supported: use the other filters")

// Filter tells which flows are wanted. It may be used by several goroutines at once.
type Filter struct {
	allow, deny []one
	interest    interest.Interest
}

// New returns a filter for the flows that match any of allow, or all if there is none, and that match none of deny.
// The messages are not changed, and not kept.
//
// Possible errors: [ErrUnsupported], [ErrExpensive], and errors about a value that is not valid. The fault is that of who asks.
func New(allow, deny []*flowpb.FlowFilter) (*Filter, error) {
	f := new(Filter)
	b := newBudget()
	var err error
	if f.allow, err = build(allow, b); err != nil {
		return nil, err
	}
	if f.deny, err = build(deny, b); err != nil {
		return nil, err
	}
	f.interest = interestOf(f.allow)
	return f, nil
}

// one is one of the filters of a request: all that it asks for has to hold.
type one struct {
	conditions []func(*flowpb.Flow) bool

	// What an event has to be for its flow to match: of these types, and, if it is of the datapath, with all of this.
	types         typeSet
	rawConditions []func(*raw.Event) bool

	// dropReasons are those that a drop has to have, nil for any.
	dropReasons []uint8

	budget *budget // of all filters of the request
}

// need adds a condition.
func (o *one) need(holds func(*flowpb.Flow) bool) { o.conditions = append(o.conditions, holds) }

// needRaw adds a condition of events of the datapath.
func (o *one) needRaw(holds func(*raw.Event) bool) { o.rawConditions = append(o.rawConditions, holds) }

func build(filters []*flowpb.FlowFilter, b *budget) ([]one, error) {
	all := make([]one, len(filters))
	for i, ff := range filters {
		all[i].types, all[i].budget = flowTypes, b
		for _, add := range kinds {
			if err := add(&all[i], ff); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// kinds add the conditions of a filter, those first that are decided quickly.
var kinds = []func(o *one, ff *flowpb.FlowFilter) error{
	addExperimental,
	addEventTypes,
	addVerdicts,
	addConnection,
	addIdentities,
	addPorts,
	addProtocols,
	addTCPFlags,
	addAddresses,
	addOrigin,
	addKubernetes,
	addNames,
	addNodeNames,
	addLabels,
	addHTTP,
}

// addExperimental refuses what is not implemented.
func addExperimental(_ *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetExperimental().GetCelExpression()) > 0 {
		return fmt.Errorf("invalid filter: %w", ErrUnsupported)
	}
	return nil
}

// Match tells whether a flow is wanted.
func (f *Filter) Match(flow *flowpb.Flow) bool {
	return (len(f.allow) == 0 || anyMatches(f.allow, flow)) && !anyMatches(f.deny, flow)
}

func anyMatches(all []one, flow *flowpb.Flow) bool {
	for i := range all {
		if all[i].matches(flow) {
			return true
		}
	}
	return false
}

func (o *one) matches(flow *flowpb.Flow) bool {
	for _, holds := range o.conditions {
		if !holds(flow) {
			return false
		}
	}
	return true
}
