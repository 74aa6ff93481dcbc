// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// FuzzFormat checks what must hold for the output of any sample.
func FuzzFormat(f *testing.F) {
	for _, g := range groups(f) {
		for _, p := range g.payloads {
			f.Add(p.payload.Data, p.payload.Type, p.payload.CPU, p.payload.Lost)
		}
	}
	register(f, own(102, "own"))
	f.Add(ownSample(102, 5, "b\n", synPacket), payload.EventSample, 1, uint64(0))
	register(f, echo(101, "echo"))
	for _, text := range evilTexts {
		f.Add(append([]byte{101}, text...), payload.EventSample, 1, uint64(0))
		for _, pl := range eventsOf(text) {
			f.Add(pl.Data, pl.Type, pl.CPU, pl.Lost)
		}
	}
	unregister, err := api.RegisterDropReason(251, `a "reason" of \ our own`)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(unregister)
	f.Add(debug(api.DebugCTVerdict, 251, 0, 0).Data, payload.EventSample, 1, uint64(0))
	var filters []*format.Filter
	for _, args := range []string{
		"--from 12", "--to 7", "--not --related-to 12", "--ip 10.0.0.0/8", "--not --src-ip fd00::/8", "--port 80", "--protocol tcp",
		"--tcp-flags SYN", "--drop-reason 133", "--identity 2", "--verdict deny", "--interface eth0",
	} {
		filter, err := format.ParseFilter(strings.Fields(args))
		if err != nil {
			f.Fatal(err)
		}
		filters = append(filters, filter)
	}
	f.Fuzz(func(t *testing.T, data []byte, typ, cpu int, lost uint64) {
		pl := &payload.Payload{Data: data, Type: typ, CPU: cpu, Lost: lost}
		for _, opts := range []format.Options{{}, {Level: format.LevelDebug}, {Level: format.LevelVerbose}, {Hex: true}} {
			out := printOn(evilInterface, opts, pl)
			if out != "" && !strings.HasSuffix(out, "\n") {
				t.Fatalf("%+v: no complete line: %q", opts, out)
			}
			if opts.Level < format.LevelVerbose && !opts.Hex && strings.Count(out, "\n") > 1 {
				t.Fatalf("%+v: not one line: %q", opts, out)
			}
			if opts.Level > format.LevelDefault && out == "" {
				t.Fatalf("%+v: nothing printed", opts)
			}
			requireInert(t, out)
		}
		requireInert(t, printOn(evilInterface, ciliumVerbose, pl))
		out := printOn(evilInterface, format.Options{Output: format.OutputJSON}, pl)
		if !json.Valid([]byte(out)) || strings.Count(out, "\n") != 1 {
			t.Fatalf("not one line of JSON: %q", out)
		}
		requireInert(t, out)
		for _, pl := range eventsOf(string(data)) {
			requireInert(t, printOn(evilInterface, format.Options{}, pl))
			requireInert(t, printOn(evilInterface, format.Options{Output: format.OutputJSON}, pl))
		}
		ev := format.NewEvent(evilInterface)
		ev.Decode(pl)
		for _, filter := range filters {
			if !filter.Match(ev) && (ev.Lost() > 0 || ev.Err() != nil) {
				t.Fatal("a filter hides what it cannot judge")
			}
		}
		var s format.Summary
		s.Count(ev)
		requireInert(t, string(s.Append(nil)))
	})
}

// FuzzDissect checks that of any packet the headers that are still whole stay as they are when it is cut, and that
// it is said what is cut.
func FuzzDissect(f *testing.F) {
	for i, k := range kinds {
		f.Add(k.packet, k.flags, uint16(i))
	}
	f.Fuzz(func(t *testing.T, packet []byte, flags uint8, at uint16) {
		if len(packet) == 0 || len(packet) > 0xffff {
			return
		}
		whole := layerLines(kind{packet: packet, flags: flags})
		cut := layerLines(kind{packet: packet[:int(at)%len(packet)], flags: flags})
		for i, line := range cut {
			switch {
			case i < len(cut)-1 && broken(line):
				t.Fatalf("something follows what is cut: %q", cut)
			case i < len(whole) && !broken(line) && withoutPayload(line) != withoutPayload(strings.TrimSuffix(whole[i], " malformed")):
				t.Fatalf("%q of a cut packet was %q", line, whole[i])
			}
		}
	})
}

// FuzzParseFilter checks that any command line gives a filter or an error, and that the
// filter can be asked.
func FuzzParseFilter(f *testing.F) {
	for _, args := range []string{
		"", "--type drop,agent", "-t l7", "--not --ip 10.0.0.0/8 --ip fd00::1", "--port 80 --not --port 443", "--drop-reason 133",
		"--protocol tcp --tcp-flags SYN,ACK", "--identity world --verdict deny", "--interface eth0 --from 1 --to 2 --related-to 3",
		"--src-ip 10.0.0.1 --dst-ip fd00::1", "--type agent --port 80", "--not", "--type dorp", "--drop-reason Policy",
	} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, args string) {
		filter, err := format.ParseFilter(strings.Fields(args))
		if err != nil {
			if filter != nil || !strings.HasPrefix(err.Error(), "parse filter: ") {
				t.Fatalf("filter %v, error %v", filter, err)
			}
			return
		}
		ev := format.NewEvent(interfaceName)
		for _, e := range filterEvents {
			ev.Decode(e.payload)
			filter.Match(ev)
		}
		filter.Level(format.LevelDefault)
	})
}
