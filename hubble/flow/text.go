// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/hex"
	"net/netip"
)

// text collects the strings of a flow, which then are parts of one: for one allocation instead of half a dozen. The zero
// value is ready for use, and is used again after set.
type text struct {
	buf   []byte
	parts []part
}

// part is a string that is to be buf[start:end].
type part struct {
	dst        *string
	start, end int
}

// to has *dst become what was appended to buf since it had start bytes.
func (t *text) to(dst *string, start int) {
	t.parts = append(t.parts, part{dst, start, len(t.buf)})
}

// set sets all strings.
func (t *text) set() {
	all := string(t.buf)
	for _, p := range t.parts {
		*p.dst = all[p.start:p.end]
	}
	clear(t.parts)
	t.buf, t.parts = t.buf[:0], t.parts[:0]
}

// addr has *dst become an address.
func (t *text) addr(dst *string, addr netip.Addr) {
	start := len(t.buf)
	t.buf = addr.AppendTo(t.buf)
	t.to(dst, start)
}

// mac has *dst become a MAC address.
func (t *text) mac(dst *string, mac []byte) {
	const digits = "0123456789abcdef"
	start := len(t.buf)
	for i, b := range mac {
		if i > 0 {
			t.buf = append(t.buf, ':')
		}
		t.buf = append(t.buf, digits[b>>4], digits[b&0xf])
	}
	t.to(dst, start)
}

// uuid has *dst become a UUID.
func (t *text) uuid(dst *string, id [16]byte) {
	start := len(t.buf)
	for i, b := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			t.buf = append(t.buf, '-')
		}
		t.buf = hex.AppendEncode(t.buf, b)
	}
	t.to(dst, start)
}
