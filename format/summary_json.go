// SPDX-License-Identifier: Apache-2.0

package format

import (
	"math"
	"strconv"
	"time"

	"github.com/cilium/monitor/api"
)

// AppendJSON appends what Append does as one JSON object on a line, with how many events there were
// whatever the filter. Rates are events per second.
func (s *Summary) AppendJSON(dst []byte) []byte {
	dst = appendStringMember(append(dst, '{'), "type", "summary")
	if s.Elapsed > 0 {
		dst = strconv.AppendFloat(appendKey(dst, "seconds"), s.Elapsed.Seconds(), 'f', -1, 64) // all of it: events can come within a millisecond
	}
	matched, total := s.Matched()
	dst = appendUintMember(dst, "events", total)
	dst = appendCount(dst, "matched", matched, s.Elapsed)
	dst = append(appendKey(dst, "types"), '[')
	types, kinds := s.byType()
	for i, typ := range types {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendStringMember(append(dst, '{'), "type", api.MessageTypeName(int(typ)))
		dst = appendCount(dst, "events", s.types[typ], s.Elapsed)
		dst = append(appendKey(dst, "kinds"), '[')
		for i, kind := range kinds[typ] {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendStringMember(append(dst, '{'), "kind", kind.name)
			dst = append(appendCount(dst, "events", kind.count, s.Elapsed), '}')
		}
		dst = append(dst, "]}"...)
	}
	dst = append(dst, ']')
	dst = appendUintMember(dst, "undecodable", s.undecodable)
	dst = appendUintMember(dst, "lostByDatapath", s.lostByDatapath)
	dst = appendUintMember(dst, "lostByReader", s.lostByReader)
	dst = appendUintMember(dst, "suppressed", s.rateLimited+s.kernelLimited)
	return append(dst, "}\n"...)
}

// appendCount appends a count and its rate.
func appendCount(dst []byte, name string, n uint64, elapsed time.Duration) []byte {
	dst = appendUintMember(dst, name, n)
	if elapsed > 0 {
		dst = appendNumber(dst, "rate", float64(n)/elapsed.Seconds())
	}
	return dst
}

// appendNumber appends a number to a thousandth.
func appendNumber(dst []byte, name string, n float64) []byte {
	return strconv.AppendFloat(appendKey(dst, name), math.Round(n*1000)/1000, 'f', -1, 64)
}
