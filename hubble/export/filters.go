// SPDX-License-Identifier: Apache-2.0

package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/filter"
)

// NewFilter returns the filter for an allow list and a deny list, each of filters of the API in JSON, one after the other:
//
//	{"verdict":["DROPPED"],"source_pod":["default/"]} {"destination_port":["53"]}
//
// A flow is exported if one of the allow list matches and none of the deny list does. An allow list that is empty is drops,
// those of the kernel too, and policy verdicts; {} matches all flows.
//
// Possible errors: those of [filter.New].
func NewFilter(allow, deny string) (*filter.Filter, error) {
	allowed, err := parseFilters(allow)
	if err != nil {
		return nil, fmt.Errorf("allow list: %w", err)
	}
	if len(allowed) == 0 {
		allowed = []*flowpb.FlowFilter{{EventType: []*flowpb.EventTypeFilter{
			{Type: api.MessageTypeDrop}, {Type: api.MessageTypeKernelDrop}, {Type: api.MessageTypePolicyVerdict},
		}}}
	}
	denied, err := parseFilters(deny)
	if err != nil {
		return nil, fmt.Errorf("deny list: %w", err)
	}
	return filter.New(allowed, denied)
}

func parseFilters(text string) ([]*flowpb.FlowFilter, error) {
	var filters []*flowpb.FlowFilter
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		f := new(flowpb.FlowFilter)
		switch err := dec.Decode(f); {
		case errors.Is(err, io.EOF):
			return filters, nil
		case err != nil:
			return nil, fmt.Errorf("filter %d of %q: %w", len(filters)+1, text, err)
		}
		filters = append(filters, f)
	}
}
