// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// DropReason returns the text of a drop reason, such as "Policy denied", and "CODE, 0"
// for one that has none. See [RegisterDropReason] for those of your own datapath.
func DropReason(code uint8) string { return DropReasonExt(code, 0) }

// DropReasonExt returns the text of a drop reason with its extended error. That is the
// text, then ", " and the number where ext is not 0. A reason that has no text is
// "CODE, EXT" in numbers.
func DropReasonExt(code uint8, ext int8) string {
	text := dropReasons.all()[code]
	switch {
	case text == "":
		text = strconv.Itoa(int(code))
	case ext == 0:
		return text
	}
	return text + ", " + strconv.Itoa(int(ext))
}

// DropReasons yields each drop reason that has a text, by ascending code.
func DropReasons() iter.Seq2[uint8, string] { return dropReasons.each }

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

// RegisterDropReason gives a drop reason of somebody's own datapath a text, for all of the
// process, until unregister is called. It may take the place of one of Cilium's. The text is
// printable, on one line, and not a number.
//
// What holds for several registrations and for concurrent use is told at
// [RegisterMessageType]. Possible errors: [ErrRegistered] if code is registered with another
// text, and errors about a text that is not allowed.
func RegisterDropReason(code uint8, text string) (unregister func(), err error) {
	err = checkText(text)
	if _, numErr := strconv.Atoi(text); err == nil && numErr == nil {
		err = fmt.Errorf("%q is a number", text)
	}
	if err != nil {
		return nil, fmt.Errorf("register drop reason %d: %w", code, err)
	}
	return dropReasons.register(code, text)
}
