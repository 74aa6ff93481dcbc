// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/bench/internal/printer"
	"github.com/cilium/monitor/format"
)

// line stands for all that is printed of an event as a member.
const line = "line"

// lineDifferences are all in what -o cilium prints, in whatever mode.
var lineDifferences = differences{
	{events: "drop/*", member: line, because: "Cilium's -vv dumps drops in hex, and its --hex takes them apart: not what its help says", still: otherWayRound},
	{events: "l7/HTTP request", member: line, because: "no password"},
	{events: "l7/another protocol", member: line, because: "the fields are in order; Cilium has them in another one each time"},
	{events: "wrong/no data", member: line, because: "Cilium panics"},
	{events: "wrong/ext*", member: line, because: "nobody knows where the packet begins; Cilium takes the fields of the extension for a part of it"},
	{events: "wrong/packet*", member: line, because: "the sample ends before the packet does; Cilium does not tell"},
	{events: "wrong/*", member: line, because: "other words for what is wrong", still: bothErrors},
}

// otherWayRound returns an error unless what we print is what Cilium prints with the opposite of --hex.
func otherWayRound(d delta) error {
	if d.ours != d.opposite {
		return errors.New("not the same as with or without --hex")
	}
	return nil
}

// bothErrors returns an error unless both say that they cannot decode the sample.
func bothErrors(d delta) error {
	for _, text := range []any{d.ours, d.cilium} {
		if !bytes.HasPrefix([]byte(text.(string)), []byte("cannot decode message type '")) {
			return errors.New("not an error on both sides")
		}
	}
	return nil
}

// modes are all that the flags of "cilium monitor" can ask of its formatter, but for JSON.
func modes() map[string]format.Options {
	all := map[string]format.Options{}
	for name, level := range map[string]format.Level{"default": format.LevelDefault, "-v": format.LevelDebug, "-vv": format.LevelVerbose} {
		opts := format.Options{Output: format.OutputCilium, Level: level}
		all[name] = opts
		opts.Hex = true
		all[name+" --hex"] = opts
		opts.Hex, opts.Numeric = false, true
		all[name+" --numeric"] = opts
	}
	return all
}

// comparison has the printers of both sides for a mode, and Cilium's for the opposite of --hex.
type comparison struct {
	ours, cilium, opposite                func(*payload.Payload)
	oursBuf, ciliumBuf, ciliumOppositeBuf bytes.Buffer
}

func compareIn(opts format.Options) *comparison {
	c := &comparison{}
	c.ours, c.cilium = printer.Ours(&c.oursBuf, opts), printer.Cilium(&c.ciliumBuf, opts)
	opts.Hex = !opts.Hex
	c.opposite = printer.Cilium(&c.ciliumOppositeBuf, opts)
	return c
}

// print prints an event on all sides, and returns what they print.
func (c *comparison) print(pl *payload.Payload) delta {
	c.oursBuf.Reset()
	c.ours(pl)
	return delta{line, c.oursBuf.String(), printed(&c.ciliumBuf, c.cilium, pl), printed(&c.ciliumOppositeBuf, c.opposite, pl)}
}

// printed returns what Cilium prints, also if it panics.
func printed(buf *bytes.Buffer, print func(*payload.Payload), pl *payload.Payload) string {
	buf.Reset()
	defer func() {
		if recover() != nil {
			buf.Reset()
		}
	}()
	print(pl)
	return buf.String()
}

// TestLines checks that -o cilium is what Cilium prints, byte for byte, in all modes.
func TestLines(t *testing.T) {
	for name, opts := range modes() {
		t.Run(name, func(t *testing.T) {
			c := compareIn(opts)
			for _, e := range append(events(t), wrong(t)...) {
				if d := c.print(e.payload); d.ours != d.cilium {
					lineDifferences.explain(t, e.name, d)
				}
			}
		})
	}
	lineDifferences.requireFound(t)
}
