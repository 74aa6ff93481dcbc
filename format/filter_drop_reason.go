// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/explain"
	"github.com/cilium/monitor/internal/suggest"
)

func parseDropReason(text string) (filterValue, error) {
	reasons, err := parseDropReasons(text)
	if err != nil {
		return filterValue{}, err
	}
	types := typesWith(func(d *descriptor) bool {
		return !reasons.codes.empty() && d.dropReason != nil || reasons.kernel != "" && d.dropReasonName != nil
	})
	return filterValue{types: types, key: reasons, match: func(e *Event) bool {
		switch d := e.desc; {
		case d.dropReason != nil:
			return reasons.codes.has(int(d.dropReason(e)))
		case d.dropReasonName != nil:
			return reasons.kernel != "" && containsFold(d.dropReasonName(e), reasons.kernel)
		default:
			return false
		}
	}}, nil
}

// dropReasons is a set of reasons.
type dropReasons struct {
	codes  typeSet // of the datapath
	kernel string  // those of the kernel that have this in their name; none if it is empty
}

func (r dropReasons) covers(other any) bool {
	o := other.(dropReasons)
	return o.codes.without(r.codes).empty() && (o.kernel == "" || r.kernel != "" && containsFold(o.kernel, r.kernel))
}

// containsFold reports whether part, which is in upper case, is in a name, which can be in any case.
func containsFold(name, part string) bool {
	for i := 0; i+len(part) <= len(name); i++ {
		if strings.EqualFold(name[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// kernelReason is what the kernel calls a reason.
var kernelReason = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)

// parseDropReasons returns the reasons with a text or number, or else those whose text has the text in it. Those of the kernel
// have no numbers that would be the same on all machines, and some that are not known here.
func parseDropReasons(text string) (reasons dropReasons, err error) {
	text = strings.TrimSpace(text)
	exact, err := api.ParseDropReason(text)
	for _, code := range exact {
		reasons.codes = reasons.codes.with(int(code))
	}
	if _, isNumber := strconv.Atoi(text); err == nil || isNumber == nil {
		return reasons, err
	}
	var names []string
	part := strings.ToLower(text)
	for code, name := range api.DropReasons() {
		names = append(names, name)
		if part != "" && strings.Contains(strings.ToLower(name), part) {
			reasons.codes = reasons.codes.with(int(code))
		}
	}
	part = strings.ToUpper(text)
	for _, reason := range explain.All() {
		if !reason.Kernel {
			continue
		}
		names = append(names, reason.Name)
		if part != "" && strings.Contains(reason.Name, part) {
			reasons.kernel = part
		}
	}
	if kernelReason.MatchString(text) {
		reasons.kernel = text
	}
	if reasons.codes.empty() && reasons.kernel == "" {
		return reasons, fmt.Errorf("%w, nor has any a part of it%s", err, suggest.DidYouMean(text, names))
	}
	return reasons, nil
}
