// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// own is a type of a test's own: a CaptureHeader, the interface in one byte, a text in 8,
// the packet.
func own(number int, name string) *format.Type {
	const offset = api.CaptureHeaderLen + 9
	text := func(s *format.Sample) string {
		return strings.TrimRight(string(s.Data[api.CaptureHeaderLen+1:offset]), "\x00")
	}
	return &format.Type{
		Number: number,
		Name:   name,
		Decode: func(s *format.Sample) error {
			var h api.CaptureHeader
			if err := h.Decode(s.Data); err != nil {
				return err
			}
			if h.SubType == 99 {
				return errors.New("subtype 99")
			}
			if err := s.RequireLen(offset); err != nil {
				return err
			}
			s.Ifindex = uint32(s.Data[api.CaptureHeaderLen])
			return s.SetPacket(offset, int(h.CapLen), h.OrigLen)
		},
		Line: func(l *format.Line, s *format.Sample) {
			l.Text("own ")
			l.Uint(uint64(s.Data[1]))
			l.Text(" ")
			l.Hex(uint64(s.CPU))
			l.Text(" ")
			l.Text(text(s))
			l.Printf(" %s on ", "\x01")
			l.Interface(s.Ifindex)
		},
		JSON: func(o *format.Object, s *format.Sample) {
			o.Uint("sub\"type", uint64(s.Data[1]))
			o.Int("int", -1)
			o.Bool("yes", true)
			o.String("text", text(s))
			o.Any("list", []int{1})
			o.Any("bad", func() {})
		},
		Kind: func(s *format.Sample) string { return text(s) },
	}
}

func ownSample(number, subType uint8, text string, packet []byte) []byte {
	h := api.CaptureHeader{Type: number, SubType: subType, OrigLen: 1500, CapLen: uint16(len(packet))}
	data := append(h.Append(nil), 2)
	data = append(data, (text + "\x00\x00\x00\x00\x00\x00\x00\x00")[:8]...)
	return append(append(data, packet...), 0xaa, 0xbb) // padding
}

func register(t testing.TB, typ *format.Type) {
	t.Helper()
	unregister, err := format.RegisterType(typ)
	require.NoError(t, err)
	t.Cleanup(unregister)
}

func TestOwnType(t *testing.T) {
	register(t, own(101, "own"))
	pl := sample(ownSample(101, 5, "a\x1b[2J\nb", synPacket))
	const line = "own 5 0x1 a\\u001b[2J\\nb \\u0001 on eth0"
	require.Equal(t, line+": 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN\n", print(format.Options{}, pl))

	verbose := strings.Split(print(format.Options{Level: format.LevelVerbose}, pl), "\n")
	require.Equal(t, line+": 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN", verbose[1])
	require.Contains(t, verbose[2], "Ethernet")
	require.Contains(t, print(format.Options{Hex: true}, pl), " tcp SYN\n00000000  ")

	var object map[string]any
	text := print(format.Options{Output: format.OutputJSON}, pl)
	require.NoError(t, json.Unmarshal([]byte(text), &object), text)
	require.Equal(t, 1, strings.Count(text, "\n"))
	require.Equal(t, "own", object["type"])
	require.Equal(t, "CPU 01:", object["cpu"])
	require.Equal(t, 5.0, object["sub\"type"])
	require.Equal(t, -1.0, object["int"])
	require.Equal(t, true, object["yes"])
	require.Equal(t, "a\x1b[2J\nb", object["text"])
	require.Equal(t, []any{1.0}, object["list"])
	require.Contains(t, object["bad"], "unsupported type")
	require.Contains(t, object["summary"], "tcp")

	ev := format.NewEvent(interfaceName)
	ev.Decode(pl)
	require.Equal(t, 101, ev.Type())
	packet, origLen := ev.Packet()
	require.Equal(t, synPacket, packet)
	require.EqualValues(t, 1500, origLen)
	require.False(t, ev.IsL3Device())
	_, name := ev.Interface()
	require.Equal(t, "eth0", name)
}

// TestOwnTypeWithoutPacket checks that an event that has none is one line on each level.
func TestOwnTypeWithoutPacket(t *testing.T) {
	typ := own(131, "own")
	typ.Level, typ.Kind = format.LevelDebug, nil
	register(t, typ)
	pl := sample(ownSample(131, 5, "b", nil))
	const line = "own 5 0x1 b \\u0001 on eth0\n"
	require.Empty(t, print(format.Options{}, pl))
	require.Equal(t, line, print(format.Options{Level: format.LevelDebug}, pl))
	require.Equal(t, line, print(format.Options{Level: format.LevelVerbose}, pl))
	require.NotContains(t, print(format.Options{Output: format.OutputJSON}, pl), "summary")

	f, err := format.ParseFilter([]string{"-t", "own"})
	require.NoError(t, err)
	require.Equal(t, format.LevelDebug, f.Level(format.LevelDefault))

	var summary format.Summary
	ev := format.NewEvent(interfaceName)
	ev.Decode(pl)
	summary.Count(ev)
	require.Equal(t, "1  own\n1  events in total\n", string(summary.Append(nil)))
}

func TestOwnTypeFilter(t *testing.T) {
	register(t, own(101, "own"))
	register(t, own(200, "other"))
	l7 := records(t)
	events := []named{
		{"own", sample(ownSample(101, 5, "b", synPacket))},
		{"own-udp", sample(ownSample(101, 5, "b", udpPacket))},
		{"own-none", sample(ownSample(101, 5, "b", nil))},
		{"own-bad", sample(ownSample(101, 99, "b", nil))},
		{"other", sample(ownSample(200, 5, "b", synPacket))},
		{"drop", drop(synPacket)},
		{"http", l7[0].payload},
	}
	for filter, want := range map[string]string{
		"-t own":                    "own own-udp own-none own-bad",
		"-t other,l7":               "other http",
		"--not -t own":              "other drop http",
		"-t own --port 80":          "own own-bad",
		"--port 80":                 "own own-bad other drop http",
		"--tcp-flags SYN":           "own own-bad other drop",
		"--ip 10.0.0.0/8 -t other":  "other",
		"--interface eth0":          "own own-udp own-none own-bad other drop",
		"-t own --protocol udp":     "own-udp own-bad",
		"--not --interface eth0":    "own-bad http",
		"-t own,drop --from 12":     "own-bad drop",
		"--drop-reason 133 -t drop": "drop",
	} {
		require.Equal(t, want, matching(t, filter, events), "%s", filter)
	}

	_, err := format.ParseFilter([]string{"-t", "othr"})
	require.ErrorContains(t, err, `did you mean "other"?`)
	require.ErrorContains(t, err, "l7, other, own, policy-verdict")
	_, err = format.ParseFilter([]string{"-t", "own", "--verdict", "deny"})
	require.ErrorContains(t, err, "no event can match --type own together with --verdict deny")

	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	format.NewFilterFlags(fs)
	require.Contains(t, fs.Lookup("type").Usage, "l7, other, own, policy-verdict")
}

func TestOwnTypeSummary(t *testing.T) {
	register(t, own(101, "own"))
	var summary format.Summary
	ev := format.NewEvent(interfaceName)
	for _, text := range []string{"b", "b", "\x1b"} {
		ev.Decode(sample(ownSample(101, 5, text, synPacket)))
		summary.Count(ev)
	}
	require.Equal(t, "3  own\n2    b\n1    \\u001b\n3  events in total\n", string(summary.Append(nil)))
}

// TestOwnTypeMistakes checks that what a type's functions do wrong costs that event alone.
func TestOwnTypeMistakes(t *testing.T) {
	fail := func() { panic("no\nway") }
	for name, change := range map[string]func(*format.Type){
		"Decode": func(typ *format.Type) { typ.Decode = func(*format.Sample) error { fail(); return nil } },
		"Line": func(typ *format.Type) {
			typ.Line = func(l *format.Line, _ *format.Sample) { l.Text("half a line"); fail() }
		},
		"JSON": func(typ *format.Type) {
			typ.JSON = func(o *format.Object, _ *format.Sample) { o.Uint("half", 1); fail() }
		},
		"Kind": func(typ *format.Type) { typ.Kind = func(*format.Sample) string { fail(); return "" } },
	} {
		t.Run(name, func(t *testing.T) {
			typ := own(101, "own")
			change(typ)
			register(t, typ)
			pl := sample(ownSample(101, 5, "b", synPacket))
			good := drop(synPacket)
			message := "decode own sample: the type's " + name + " function panicked: no"
			for _, opts := range []format.Options{{}, {Level: format.LevelVerbose}, {Output: format.OutputJSON}} {
				out := print(opts, pl, good)
				require.True(t, strings.HasSuffix(out, print(opts, good)), out)
				if name == "Decode" || (opts.Output == format.OutputJSON) == (name == "JSON") && name != "Kind" {
					require.Contains(t, out, message)
					require.NotContains(t, out, "half")
				}
				if opts.Output == format.OutputJSON {
					for line := range strings.Lines(out) {
						require.True(t, json.Valid([]byte(line)), line)
					}
				}
			}
			var summary format.Summary
			ev := format.NewEvent(interfaceName)
			ev.Decode(pl)
			summary.Count(ev)
			require.Equal(t, name == "Decode" || name == "Kind", strings.Contains(string(summary.Append(nil)), "cannot be decoded"))
		})
	}

	register(t, own(101, "own"))
	for want, data := range map[string][]byte{
		"ERR  cannot decode own sample, version 0: truncated: expected 16 bytes, got 2 bytes\n":  {101, 1},
		"ERR  cannot decode own sample, version 0: truncated: expected 25 bytes, got 20 bytes\n": ownSample(101, 5, "b", nil)[:20],
		"ERR  cannot decode own sample: subtype 99\n":                                            ownSample(101, 99, "b", nil),
		"ERR  cannot decode own sample, version 0: truncated: expected 95 bytes, got 75 bytes\n": ownSample(101, 5, "b", synPacket)[:75],
	} {
		require.Equal(t, want, print(format.Options{}, sample(data)))
	}
}

func TestSetPacket(t *testing.T) {
	s := format.Sample{Data: make([]byte, 10)}
	for _, c := range [][2]int{{-1, 2}, {2, -1}, {8, 3}, {11, 0}, {8, math.MaxInt}, {math.MaxInt, 2}, {math.MaxInt, math.MaxInt}} {
		require.Error(t, s.SetPacket(c[0], c[1], 7))
		require.Nil(t, s.Packet)
	}
	require.NoError(t, s.SetPacket(8, 2, 7))
	require.Len(t, s.Packet, 2)
	require.Equal(t, 2, cap(s.Packet))
}

func TestRegisterTypeErrors(t *testing.T) {
	typ := own(101, "own")
	register(t, typ)
	for name, bad := range map[string]*format.Type{
		"another with the number":               own(101, "own"),
		"another with the number, by name":      own(101, "other"),
		"another with the name":                 own(9, "own"),
		"another with the name of a built-in":   own(9, "drop"),
		"another with the number of Cilium's":   own(4, "own2"),
		"another with an unused one":            own(6, "own2"),
		"another with that of the agent's":      own(130, "own2"),
		"another with that of the access log's": own(129, "own2"),
	} {
		_, err := format.RegisterType(bad)
		require.ErrorIs(t, err, api.ErrRegistered, name)
	}
	for name, bad := range map[string]*format.Type{
		"number 0":      own(0, "x"),
		"number 256":    own(256, "x"),
		"no name":       own(9, ""),
		"upper case":    own(9, "Own"),
		"comma":         own(9, "a,b"),
		"taken by JSON": own(9, "lost"),
		"no functions":  {Number: 9, Name: "x"},
	} {
		_, err := format.RegisterType(bad)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, api.ErrRegistered, name)
	}
	require.Equal(t, "unknown(9)", api.MessageTypeName(9))
	require.Equal(t, "own", api.MessageTypeName(101))
}

// TestRegisterTypeAgain registers the same type twice: it stays until both have ended.
func TestRegisterTypeAgain(t *testing.T) {
	typ := own(101, "own")
	pl := sample(ownSample(101, 5, "b", nil))
	first, err := format.RegisterType(typ)
	require.NoError(t, err)
	second, err := format.RegisterType(typ)
	require.NoError(t, err)
	first()
	first()
	require.Contains(t, print(format.Options{}, pl), "own 5")
	second()
	require.Contains(t, print(format.Options{}, pl), "unknown message type")
	register(t, own(101, "other"))
	require.Contains(t, print(format.Options{}, pl), "own 5")
}

// TestNameWithoutDescriptor prints an event of a type that has a name and no more.
func TestNameWithoutDescriptor(t *testing.T) {
	unregister, err := api.RegisterMessageType(9, "only-named")
	require.NoError(t, err)
	defer unregister()
	require.Equal(t, "ERR  cannot decode only-named sample, version 0: unknown message type: got 2 bytes\n",
		print(format.Options{}, sample([]byte{9, 1})))
}

// TestRegisterWhilePrinting changes the types while others decode, print and filter.
func TestRegisterWhilePrinting(t *testing.T) {
	typ := own(101, "own")
	pl := sample(ownSample(101, 5, "b", synPacket))
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			ev := format.NewEvent(interfaceName)
			f := format.New(format.Options{Level: format.LevelVerbose})
			var summary format.Summary
			var filter format.Filter
			for {
				select {
				case <-stop:
					return
				default:
				}
				ev.Decode(pl)
				filter.Match(ev)
				f.Append(nil, ev)
				summary.Count(ev)
				summary.Append(nil)
				api.DropReason(8)
				api.DropFile(8)
			}
		})
		writers.Go(func() {
			v := format.Vocabulary{
				Types:       []*format.Type{typ},
				DropReasons: map[uint8]string{8: "My reason"},
				SourceFiles: map[uint8]string{8: "mine.c"},
			}
			for range 200 {
				unregister, err := v.Register()
				if assert.NoError(t, err) {
					unregister()
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	require.Equal(t, "unknown(101)", api.MessageTypeName(101))
}

func TestVocabulary(t *testing.T) {
	v := format.Vocabulary{
		Types:       []*format.Type{own(101, "own")},
		DropReasons: map[uint8]string{8: "Ring of Saturn is full", 250: "Tuesday, always"},
		SourceFiles: map[uint8]string{2: "mine.c", 200: "other.c"},
	}
	unregister, err := v.Register()
	require.NoError(t, err)
	mine := drop(synPacket, func(n *api.DropNotify) { n.SubType = 8 })
	require.Contains(t, print(format.Options{}, mine), " tcp SYN: Ring of Saturn is full, ")
	require.Contains(t, print(format.Options{Level: format.LevelDebug}, mine), ", mine.c:42,")
	require.Contains(t, print(format.Options{Level: format.LevelVerbose}, mine), ": Ring of Saturn is full, eth0, endpoint 12->7, identity 4711->world, mine.c:42")
	require.Contains(t, print(format.Options{Output: format.OutputJSON}, mine), `"reason":"Ring of Saturn is full"`)
	f, err := format.ParseFilter([]string{"--drop-reason", "tuesday, ALWAYS", "--drop-reason", "ring of saturn is full"})
	require.NoError(t, err)
	ev := format.NewEvent(interfaceName)
	for code, want := range map[uint8]bool{8: true, 250: true, 133: false} {
		ev.Decode(drop(synPacket, func(n *api.DropNotify) { n.SubType = code }))
		require.Equal(t, want, f.Match(ev))
	}
	_, err = format.ParseFilter([]string{"--drop-reason", "ring of satrun is full"})
	require.ErrorContains(t, err, `did you mean "Ring of Saturn is full"?`)

	// All or nothing.
	_, err = format.Vocabulary{
		Types:       []*format.Type{own(9, "nine"), own(101, "own")},
		DropReasons: map[uint8]string{9: "Nine", 8: "Another text"},
		SourceFiles: map[uint8]string{9: "nine.c", 200: "mine.c"},
	}.Register()
	require.ErrorIs(t, err, api.ErrRegistered)
	for _, what := range []string{`message type 101 as "own"`, `drop reason 8 as "Another text"`, `source file 200 as "mine.c"`} {
		require.ErrorContains(t, err, what)
	}
	require.Equal(t, "unknown(9)", api.MessageTypeName(9))
	require.Equal(t, "Fragmented packet", api.DropReason(9))
	require.Equal(t, "unknown(9)", api.DropFile(9))

	unregister()
	require.Contains(t, print(format.Options{}, mine), " tcp SYN: LB, sock cgroup: Reverse entry stale, ")
	require.Contains(t, print(format.Options{Level: format.LevelDebug}, mine), ", bpf_lxc.c:42,")
}

// TestOwnTypeAllocatesNothing checks that the functions of a type are called for nothing more
// than what they allocate themselves.
func TestOwnTypeAllocatesNothing(t *testing.T) {
	typ := own(101, "own")
	typ.Line = func(l *format.Line, s *format.Sample) { l.Text("own "); l.Uint(uint64(s.Data[1])) }
	typ.JSON = func(o *format.Object, s *format.Sample) { o.Uint("subtype", uint64(s.Data[1])) }
	register(t, typ)
	pl := sample(ownSample(101, 5, "b", synPacket))
	for _, opts := range []format.Options{{}, {Level: format.LevelVerbose}, {Output: format.OutputJSON}} {
		f := format.New(opts)
		ev := format.NewEvent(interfaceName)
		var buf []byte
		run := func() {
			ev.Decode(pl)
			buf = f.Append(buf[:0], ev)
		}
		run()
		require.Zero(t, testing.AllocsPerRun(100, run))
	}
}
