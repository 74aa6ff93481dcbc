// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// DropReason returns the text of a drop reason, such as "Policy denied", and "CODE, 0"
// for one that has none.
func DropReason(code uint8) string { return DropReasonExt(code, 0) }

// DropReasonExt returns the text of a drop reason with its extended error. That is the
// text, then ", " and the number where ext is not 0. A reason that has no text is
// "CODE, EXT" in numbers.
func DropReasonExt(code uint8, ext int8) string {
	text := dropReasonText(code)
	switch {
	case text == "":
		text = strconv.Itoa(int(code))
	case ext == 0:
		return text
	}
	return text + ", " + strconv.Itoa(int(ext))
}

// DropReasons yields each drop reason that has a text, by ascending code.
func DropReasons() iter.Seq2[uint8, string] {
	return func(yield func(uint8, string) bool) {
		for code, text := range dropReasons {
			if text != "" && !yield(uint8(code), text) {
				return
			}
		}
	}
}

// ParseDropReason returns the codes of a drop reason given as its text, in any case, or
// as a number from 0 to 255. Some texts have several codes. A number need not have a text: a newer
// datapath may use it.
func ParseDropReason(s string) (codes []uint8, err error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 || n > 255 {
			return nil, fmt.Errorf("drop reason %d is not in 0-255", n)
		}
		return []uint8{uint8(n)}, nil
	}
	for code, text := range DropReasons() {
		if strings.EqualFold(text, s) {
			codes = append(codes, code)
		}
	}
	if codes == nil {
		return nil, fmt.Errorf("no drop reason has the text %q", s)
	}
	return codes, nil
}

func dropReasonText(code uint8) string {
	if int(code) < len(dropReasons) {
		return dropReasons[code]
	}
	return ""
}
