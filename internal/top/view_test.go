// SPDX-License-Identifier: Apache-2.0

package top_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/top"
)

// scene has ten seconds of drops: more and more that policy denies, and a burst of others.
func scene(t *testing.T) *feed {
	f := newFeed(t, false)
	for s := range 10 {
		f.drop(s+1, 133, "10.0.0.1", "10.0.0.2", 9999, 2, second(s))
	}
	f.drop(3, 169, "10.0.0.1", "10.9.9.9", 443, 3, second(8))
	f.verdict(-133, second(9))
	f.verdict(-133, second(9))
	f.verdict(0, second(9))
	return f
}

func view(f *feed, now int) *top.View {
	v := top.NewView(f.model, "/run/monitor.sock")
	v.Refresh(second(now))
	return v
}

func TestReasons(t *testing.T) {
	require.Equal(t, `monitor top  /run/monitor.sock                  8.6 drops/s, 58 in all  03:04:15
 1 Reasons  2 Functions  3 Devices  4 Talkers  5 Verdicts  6 Losses

     /s   total  last 20 s             reasons                           by rate
    8.0      55           ▁▂▃▃▄▅▅▆▇█   Policy denied (133)
    0.6       3                   █    FIB lookup failed (169)
`+strings.Repeat("\n", 17)+`enter packets  space freeze  s sort  / filter  tab next  ? help  q quit
`, screen(view(scene(t), 10)))
}

// table returns the rows that are shown, and nothing around them.
func table(v *top.View) (rows []string) {
	for line := range strings.Lines(screen(v)) {
		if words := strings.Fields(line); len(words) > 2 && strings.Trim(words[1], "0123456789,.M") == "" && strings.HasPrefix(line, "  ") {
			bars := strings.NewReplacer("▁", "", "▂", "", "▃", "", "▄", "", "▅", "", "▆", "", "▇", "", "█", "")
			rows = append(rows, strings.Join(strings.Fields(bars.Replace(line)), " "))
		}
	}
	return rows
}

func TestTables(t *testing.T) {
	f := scene(t)
	f.lost(7, 1, second(9))
	f.lost(2, payload.CPULostByReader, second(9))
	v := view(f, 10)
	for _, c := range []struct {
		key  string
		want []string
	}{
		{"2", []string{"8.0 55 bpf_lxc.c:43", "0.6 3 bpf_lxc.c:49"}},
		{"3", []string{"8.0 55 eth0", "0.6 3 veth-a"}},
		{"4", []string{"8.0 55 10.0.0.1 -> 10.0.0.2:9999 udp", "0.6 3 10.0.0.1 -> 10.9.9.9:443 udp"}},
		{"5", []string{"0.4 2 ingress deny", "0.2 1 ingress allow"}},
		{"6", []string{"1.4 7 the agent is too slow for CPU 1's ring", "0.4 2 this client is too slow"}},
		{"1", []string{"8.0 55 Policy denied (133)", "0.6 3 FIB lookup failed (169)"}},
	} {
		press(v, second(10), c.key)
		require.Equal(t, c.want, table(v), "table %s", c.key)
	}
	require.Contains(t, screen(v), "9 lost")
	f.add(&payload.Payload{Type: payload.EventSample, Data: []byte{1, 2}}, second(10))
	v.Refresh(second(10))
	require.Contains(t, screen(v), "1 not decoded")

	// Tab goes around, in both directions.
	for range 6 {
		press(v, second(10), top.KeyTab)
	}
	require.Len(t, table(v), 2)
	require.Contains(t, screen(v), " reasons ")
	press(v, second(10), top.KeyBacktab)
	require.Contains(t, screen(v), " losses ")
}

// TestRate shows that a rate is that of the last seconds which are over, and goes to 0.
func TestRate(t *testing.T) {
	f := newFeed(t, false)
	f.drop(10, 133, "10.0.0.1", "10.0.0.2", 53, 2, second(0))
	for now, want := range []string{"0 10", "10 10", "5.0 10", "3.3 10", "2.5 10", "2.0 10", "0 10"} {
		require.Equal(t, []string{want + " Policy denied (133)"}, table(view(f, now)), "after %d s", now)
	}
	require.Contains(t, screen(view(f, 19)), "█")
	require.NotContains(t, screen(view(f, 20)), "█")
	require.NotContains(t, screen(view(f, 1000)), "█")
}

// TestRecording shows rates of all of a recording, whatever the time is now.
func TestRecording(t *testing.T) {
	f := newFeed(t, true)
	for s := range 21 {
		f.drop(2, 133, "10.0.0.1", "10.0.0.2", 53, 2, second(s))
	}
	v := view(f, 100000)
	require.Equal(t, []string{"2.1 42 Policy denied (133)"}, table(v))
	require.Contains(t, screen(v), "2.1 drops/s, 42 in all  03:04:25")
}

func TestOrder(t *testing.T) {
	f := newFeed(t, false)
	f.drop(9, 181, "10.0.0.1", "10.0.0.2", 53, 2, second(0))
	f.drop(8, 133, "10.0.0.1", "10.0.0.2", 53, 2, second(8))
	f.drop(5, 169, "10.0.0.1", "10.0.0.2", 53, 2, second(9))
	v := view(f, 10)
	names := func() (names string) {
		for _, row := range table(v) {
			names += strings.TrimLeft(row, "0123456789. ")[:3] + " "
		}
		return names
	}
	require.Equal(t, "Pol FIB Pol ", names())
	for _, want := range []struct{ how, names string }{
		{"by total", "Pol Pol FIB "},
		{"by last seen", "FIB Pol Pol "},
		{"by name", "FIB Pol Pol "},
		{"by rate", "Pol FIB Pol "},
	} {
		press(v, second(10), "s")
		require.Contains(t, screen(v), want.how)
		require.Equal(t, want.names, names(), want.how)
	}
}

func TestFilter(t *testing.T) {
	f := scene(t)
	v := view(f, 10)
	press(v, second(10), "/", "FIBx")
	require.Contains(t, screen(v), "Names that contain: FIBx_")
	require.Contains(t, screen(v), "No name contains that")
	press(v, second(10), top.KeyBackspace)
	require.Equal(t, []string{"0.6 3 FIB lookup failed (169)"}, table(v))
	press(v, second(10), top.KeyEnter)
	require.Contains(t, screen(v), `with "FIB", by rate`)
	require.False(t, v.Press(' ', second(10)))
	require.True(t, v.Press('q', second(10)), "keys are commands again")

	press(v, second(10), top.KeyEscape)
	require.Len(t, table(v), 2)
	press(v, second(10), "/", "q")
	require.Empty(t, table(v), "q is typed")
	press(v, second(10), top.KeyEscape)
	require.Len(t, table(v), 2)
}

// TestFrozen shows that nothing moves while the view is frozen, and that it goes on.
func TestFrozen(t *testing.T) {
	f := scene(t)
	v := view(f, 10)
	press(v, second(10), " ")
	before := screen(v)
	require.Contains(t, before, "FROZEN")
	f.drop(100, 169, "10.0.0.1", "10.0.0.2", 53, 2, second(10))
	v.Refresh(second(11))
	require.Equal(t, before, screen(v))
	press(v, second(11), " ")
	require.Equal(t, "21 103 FIB lookup failed (169)", table(v)[0])
	require.NotContains(t, screen(v), "FROZEN")
}

// TestSelection shows that what is selected stays so where it moves.
func TestSelection(t *testing.T) {
	f := scene(t)
	v := view(f, 10)
	selected := func() string {
		for _, line := range v.Render(80, 24)[3:] {
			for _, span := range line {
				if span.Style == top.Selected {
					return strings.TrimSpace(line.String()[16:])
				}
			}
		}
		return ""
	}
	require.Contains(t, selected(), "Policy denied")
	press(v, second(10), top.KeyDown)
	require.Contains(t, selected(), "FIB")
	f.drop(100, 169, "10.0.0.1", "10.0.0.2", 53, 2, second(10))
	v.Refresh(second(11))
	require.Contains(t, table(v)[0], "FIB")
	require.Contains(t, selected(), "FIB")
	press(v, second(11), "G")
	require.Contains(t, selected(), "Policy denied")
	press(v, second(11), "kkk")
	require.Contains(t, selected(), "FIB")
}

// TestPackets leads from a reason to its last packets, to one of them, and back.
func TestPackets(t *testing.T) {
	f := scene(t)
	f.drop(1, 169, "10.0.0.3", "10.0.0.4", 53, 2, second(10))
	v := view(f, 10)
	press(v, second(10), top.KeyDown, top.KeyEnter)
	require.Equal(t, `monitor top  /run/monitor.sock                  8.6 drops/s, 59 in all  03:04:15

FIB lookup failed (169)
The kernel's routing table has no answer for it, or the next hop's MAC address
  is not known (the number behind the reason is that of bpf_fib_lookup).

03:04:15.000 DROP 10.0.0.3:40000 -> 10.0.0.4:53 udp: FIB lookup failed, eth0
03:04:13.000 DROP 10.0.0.1:40000 -> 10.9.9.9:443 udp: FIB lookup failed, veth-a
03:04:13.000 DROP 10.0.0.1:40000 -> 10.9.9.9:443 udp: FIB lookup failed, veth-a
03:04:13.000 DROP 10.0.0.1:40000 -> 10.9.9.9:443 udp: FIB lookup failed, veth-a
`+strings.Repeat("\n", 13)+`enter layers  space freeze  esc back  ? help  q quit
`, screen(v))

	press(v, second(10), top.KeyDown, top.KeyEnter)
	packet := screen(v)
	require.Contains(t, packet, "03:04:13.000\n\nDROP 10.0.0.1:40000 -> 10.9.9.9:443 udp: FIB lookup failed, veth-a")
	require.Regexp(t, `(?s)\nWhy  .*\nEthernet  .*\nIPv4  .*\nUDP  `, packet)
	press(v, second(10), "x")
	require.Contains(t, screen(v), "00000000  02 00 00 00 00 02 02 00  00 00 00 01 08 00 45 00")
	press(v, second(10), "xp")
	require.Contains(t, screen(v), "10.0.0.3:40000 -> 10.0.0.4:53")
	press(v, second(10), "nnnnnn")
	require.Contains(t, screen(v), "10.9.9.9")

	press(v, second(10), "?")
	require.Contains(t, screen(v), "another table")
	press(v, second(10), "?")
	require.Contains(t, screen(v), "10.9.9.9", "the help leads back to where it came from")

	press(v, second(10), top.KeyEscape)
	require.Contains(t, screen(v), "\nFIB lookup failed (169)\n")
	press(v, second(10), top.KeyEscape)
	require.Len(t, table(v), 2)

	// Another table is one key away from each of them.
	for _, keys := range [][]any{{top.KeyEnter}, {top.KeyEnter, top.KeyEnter}} {
		press(v, second(10), keys...)
		require.Contains(t, screen(v), "FIB lookup failed")
		press(v, second(10), "4")
		require.Contains(t, screen(v), " talkers ")
		require.Len(t, table(v), 3)
		press(v, second(10), "1", top.KeyDown)
	}

	// Of a row in another table it is all packets that were counted there, whatever the reason.
	press(v, second(10), "4", "/", "10.0.0.4", top.KeyEnter, top.KeyEnter)
	require.Equal(t, 1, strings.Count(screen(v), "DROP"))
	press(v, second(10), top.KeyEscape, top.KeyEscape, "5", top.KeyEnter)
	require.Equal(t, 2, strings.Count(screen(v), "\n03:04:14.000 deny 10.0.0.1:40000"))
}

// TestPacketsOfMany shows that the last packets of a rare reason outlive floods of another.
func TestPacketsOfMany(t *testing.T) {
	f := newFeed(t, false)
	f.drop(1, 169, "10.0.0.1", "10.0.0.2", 53, 2, second(0))
	f.drop(1000, 133, "10.0.0.1", "10.0.0.2", 53, 2, second(1))
	f.drop(1, 133, "10.0.0.7", "10.0.0.8", 53, 2, second(2))
	v := view(f, 3)
	press(v, second(3), top.KeyEnter)
	require.Contains(t, screen(v), "03:04:07.000 DROP 10.0.0.7:40000", "the latest comes first")
	require.Len(t, f.model.Packets(top.Reasons, "Policy denied (133)"), 64)
	require.Len(t, f.model.Packets(top.Reasons, "FIB lookup failed (169)"), 1)
}

// TestManyRows shows that there is a bound for the rows, and that what is left out is counted.
func TestManyRows(t *testing.T) {
	f := newFeed(t, false)
	const many = 5000
	for i := range many {
		f.drop(1, 133, fmt.Sprintf("10.1.%d.%d", i/250, i%250), "10.0.0.2", 53, 2, second(i/100))
	}
	rows, removed := f.model.Rows(top.Talkers, second(50))
	require.LessOrEqual(t, len(rows), 2000)
	var total uint64
	for _, r := range rows {
		total += r.Total
	}
	require.EqualValues(t, many, total+removed)
	require.NotPanics(t, func() { screen(view(f, 50)) })
	v := view(f, 50)
	press(v, second(50), "4")
	press(v, second(50), "ss", top.KeyHome)
	require.Contains(t, screen(v), "10.1.19.150", "what was seen last stays")
	require.Contains(t, screen(v), fmt.Sprintf("+%d,%03d in rows that are gone, by last seen", removed/1000, removed%1000))
	press(v, second(50), top.KeyPageDown, top.KeyPageDown)
	require.NotContains(t, screen(v), "10.1.19.150")
	press(v, second(50), top.KeyEnd, top.KeyHome)
	require.Contains(t, screen(v), "10.1.19.150")
}

func TestNotice(t *testing.T) {
	v := view(newFeed(t, false), 0)
	require.Contains(t, screen(v), "Nothing was dropped yet.")
	v.SetNotice("Lost the \x1b[31magent")
	require.Contains(t, screen(v), `Lost the \u001b[31magent`)
	require.Contains(t, screen(v), "q quit", "what keys do is not in its place")
	press(v, second(1), "?")
	require.Contains(t, screen(v), "Lost the", "it is on all pages")
	press(v, second(1), "?")
	v.SetNotice("")
	require.NotContains(t, screen(v), "Lost the")
}

// TestNoticeOfRecording shows that what is said of a recording, which stays, does not hide what keys do on any page.
func TestNoticeOfRecording(t *testing.T) {
	f := newFeed(t, true)
	f.drop(1, 133, "10.0.0.1", "10.0.0.2", 53, 2, second(0))
	v := view(f, 1)
	v.SetNotice("Recorded on node")
	require.Contains(t, screen(v), "Recorded on node")
	for range 2 {
		require.Contains(t, screen(v), "q quit")
		press(v, second(1), top.KeyEnter)
	}
	require.Contains(t, screen(v), "n p next, previous")
}

// TestRateLimited shows that what a rate limit left out is told, but is no alarm.
func TestRateLimited(t *testing.T) {
	f := newFeed(t, false)
	limited := payload.NewRateLimited(50, api.MessageTypeKernelDrop)
	f.add(&limited, second(0))
	v := view(f, 1)
	require.NotContains(t, screen(v), "lost")
	press(v, second(1), "6")
	require.Equal(t, []string{"50 50 kernel-drop: more than 1000/s of one kind"}, table(v))
}

// TestKernelDrops counts drops that stand for others.
func TestKernelDrops(t *testing.T) {
	f := newFeed(t, false)
	drop := api.KernelDropNotify{
		Type: api.MessageTypeKernelDrop, Reason: 3, ReasonName: "NO_SOCKET", Function: "__udp4_lib_rcv", Device: "eth0", Ifindex: 2, Limited: 99,
	}
	f.add(&payload.Payload{Type: payload.EventSample, Data: drop.Append(nil)}, second(0))
	v := view(f, 1)
	require.Equal(t, []string{"100 100 NO_SOCKET"}, table(v))
	press(v, second(1), "2")
	require.Equal(t, []string{"100 100 __udp4_lib_rcv"}, table(v))
	press(v, second(1), "3")
	require.Equal(t, []string{"100 100 eth0"}, table(v))
	press(v, second(1), top.KeyEnter)
	require.Contains(t, screen(v), "99 more like it")
}

// TestMeaningOfFunctions shows what a function does below drops without a reason, and the reason's meaning where they have several.
func TestMeaningOfFunctions(t *testing.T) {
	f := newFeed(t, false)
	drop := func(function string) {
		drop := api.KernelDropNotify{Type: api.MessageTypeKernelDrop, Reason: 2, ReasonName: "NOT_SPECIFIED", Function: function, Device: "eth0"}
		f.add(&payload.Payload{Type: payload.EventSample, Data: drop.Append(nil)}, second(0))
	}
	drop("ip_error")
	v := view(f, 1)
	press(v, second(1), top.KeyEnter)
	require.Contains(t, screen(v), "NOT_SPECIFIED\nRouting has no way for this packet")
	drop("neigh_invalidate")
	v.Refresh(second(1))
	require.Contains(t, screen(v), "NOT_SPECIFIED\nThe kernel gives no reason")
	press(v, second(1), top.KeyEscape, "2", "/", "neigh", top.KeyEnter, top.KeyEnter)
	require.Contains(t, screen(v), "neigh_invalidate\nThe next hop did not answer")
}

// FuzzView presses any keys on terminals of any size: what is shown has that size always.
func FuzzView(f *testing.F) {
	f.Add(uint8(80), uint8(24), []byte("4\x06\x06xnp?q/abc\x07\x06 s"))
	f.Add(uint8(40), uint8(8), []byte("\x06\x01\x06\x03\x03\x03"))
	f.Add(uint8(0), uint8(0), []byte{})
	f.Fuzz(func(t *testing.T, columns, rows uint8, keys []byte) {
		feed := scene(t)
		v := view(feed, 10)
		for i, b := range keys {
			key := top.Key(b)
			if b < ' ' {
				key = -1 - top.Key(b%11)
			}
			v.Press(key, second(10+i))
			if i%3 == 0 {
				feed.drop(1, b, "10.0.0.1", "10.0.0.2", int(b), 2, second(10+i))
				v.Refresh(second(10 + i))
			}
			lines := v.Render(int(columns), int(rows))
			require.Len(t, lines, int(rows))
			for _, line := range lines {
				require.Equal(t, int(columns), utf8.RuneCountInString(line.String()))
			}
		}
	})
}

// TestInterfaces shows that packets are printed with the names of network interfaces that the model has.
func TestInterfaces(t *testing.T) {
	f := scene(t)
	f.model.SetInterfaces(format.NewInterfaceNames(nil))
	v := view(f, 10)
	press(v, second(10), top.KeyEnter)
	require.Contains(t, screen(v), "Policy denied, ifindex 2")
}
