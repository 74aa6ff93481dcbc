// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api"
)

// errNoHTTP is the error of a filter for HTTP among events that are never HTTP.
var errNoHTTP = errors.New(`filtering by HTTP requires the event type filter to only match "l7" events`)

// addHTTP adds what is asked of requests and responses.
func addHTTP(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetHttpStatusCode()) == 0 && len(ff.GetHttpMethod()) == 0 && len(ff.GetHttpPath()) == 0 &&
		len(ff.GetHttpUrl()) == 0 && len(ff.GetHttpHeader()) == 0 {
		return nil
	}
	types := ff.GetEventType()
	if len(types) > 0 && !slices.ContainsFunc(types, func(t *flowpb.EventTypeFilter) bool {
		return t.GetType() == api.MessageTypeAccessLog
	}) {
		return errNoHTTP
	}
	o.types.only(accessLogType)
	needHTTP := func(holds func(*flowpb.HTTP) bool) {
		o.need(func(f *flowpb.Flow) bool {
			m := f.GetL7().GetHttp()
			return m != nil && holds(m)
		})
	}
	if len(ff.GetHttpStatusCode()) > 0 {
		wanted, err := parseStatusCodes(ff.GetHttpStatusCode())
		if err != nil {
			return fmt.Errorf("invalid HTTP status code filter: %w", err)
		}
		needHTTP(func(m *flowpb.HTTP) bool { return m.GetCode() != 0 && wanted.have(m.GetCode()) })
	}
	if len(ff.GetHttpMethod()) > 0 {
		methods := slices.Clone(ff.GetHttpMethod())
		needHTTP(func(m *flowpb.HTTP) bool {
			return m.GetMethod() != "" && slices.ContainsFunc(methods, func(method string) bool {
				return strings.EqualFold(m.GetMethod(), method)
			})
		})
	}
	if len(ff.GetHttpPath()) > 0 {
		wanted, err := o.budget.compileAll(ff.GetHttpPath())
		if err != nil {
			return fmt.Errorf("invalid HTTP path filter: %w", err)
		}
		needHTTP(func(m *flowpb.HTTP) bool {
			u, err := url.ParseRequestURI(m.GetUrl())
			return err == nil && wanted.match(u.Path)
		})
	}
	if len(ff.GetHttpUrl()) > 0 {
		wanted, err := o.budget.compileAll(ff.GetHttpUrl())
		if err != nil {
			return fmt.Errorf("invalid HTTP URL filter: %w", err)
		}
		needHTTP(func(m *flowpb.HTTP) bool { return m.GetUrl() != "" && wanted.match(m.GetUrl()) })
	}
	if len(ff.GetHttpHeader()) > 0 {
		type header struct{ key, value string }
		var headers []header
		for _, h := range ff.GetHttpHeader() {
			headers = append(headers, header{h.GetKey(), h.GetValue()})
		}
		needHTTP(func(m *flowpb.HTTP) bool {
			return slices.ContainsFunc(m.GetHeaders(), func(h *flowpb.HTTPHeader) bool {
				return slices.Contains(headers, header{h.GetKey(), h.GetValue()})
			})
		})
	}
	return nil
}

var (
	wholeStatusCode = regexp.MustCompile(`^[1-5][0-9]{2}$`)
	statusCodeBegin = regexp.MustCompile(`^[1-5][0-9]?\+$`)
)

// statusCodes are whole ones, and begins of them.
type statusCodes struct {
	whole, begins []string
}

// parseStatusCodes parses codes like "404", and begins of them like "4+".
func parseStatusCodes(texts []string) (codes statusCodes, err error) {
	for _, text := range texts {
		switch {
		case wholeStatusCode.MatchString(text):
			codes.whole = append(codes.whole, text)
		case statusCodeBegin.MatchString(text):
			codes.begins = append(codes.begins, strings.TrimSuffix(text, "+"))
		default:
			return codes, fmt.Errorf("invalid status code prefix: %q", text)
		}
	}
	return codes, nil
}

func (codes statusCodes) have(code uint32) bool {
	text := strconv.FormatUint(uint64(code), 10)
	text = strings.Repeat("0", max(0, 3-len(text))) + text
	return slices.Contains(codes.whole, text) ||
		slices.ContainsFunc(codes.begins, func(begin string) bool { return strings.HasPrefix(text, begin) })
}
