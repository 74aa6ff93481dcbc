// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// widthPrinter prints on a terminal of some width.
type widthPrinter struct {
	f     *format.Formatter
	j     *format.Joiner
	ev    *format.Event
	width int
}

func newWidthPrinter(width int, opts format.Options) *widthPrinter {
	p := &widthPrinter{ev: format.NewEvent(interfaceName), width: width}
	opts.Width = func() int { return p.width }
	p.f = format.New(opts)
	p.j = format.NewJoiner(p.f)
	return p
}

func (p *widthPrinter) print(payloads ...*payload.Payload) string {
	var lines []byte
	for _, pl := range payloads {
		p.ev.Decode(pl)
		lines, _ = p.j.Append(lines, p.ev)
	}
	return string(p.j.Flush(lines))
}

// TestWidth shows what lines leave out in narrower and narrower terminals.
func TestWidth(t *testing.T) {
	rules, err := api.DenyRulesNotice([]string{"udp/1", "tcp/80"}).ToJSON()
	require.NoError(t, err)
	told := sample(rules.Append(nil))
	denied := record(t, func(r *accesslog.LogRecord) {
		r.ObservationPoint, r.Verdict = accesslog.Ingress, accesslog.VerdictDenied
		r.SourceEndpoint = accesslog.EndpointInfo{ID: 12, IPv4: "10.0.0.1", Port: 34567, Identity: 4711}
		r.DestinationEndpoint = accesslog.EndpointInfo{ID: 34, IPv4: "10.0.0.2", Port: 80, Identity: 2}
		r.HTTP = &accesslog.LogRecordHTTP{Method: "GET"}
	})
	noReason := func(n *api.KernelDropNotify) { n.Reason, n.ReasonName, n.Function = 2, "NOT_SPECIFIED", "ip_error" }
	host := func(n *api.PolicyVerdictNotify) { n.Source, n.Cookie = 0, 2 }
	for name, test := range map[string]struct {
		payloads []*payload.Payload
		lines    map[int]string // by width
	}{
		"trace": {
			[]*payload.Payload{trace(synPacket)},
			map[int]string{
				0:   "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to endpoint 7, eth0, established, from endpoint 12, identity host->4711, orig-ip 1.2.3.4",
				132: "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to endpoint 7, eth0, established, from endpoint 12, identity host->4711, orig-ip 1.2.3.4",
				131: "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to endpoint 7, eth0, established, from endpoint 12, identity host->4711",
				100: "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to endpoint 7, eth0, established, from endpoint 12",
				80:  "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to endpoint 7, eth0, established",
				70:  "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to endpoint 7, eth0",
				60:  "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: endpoint 7",
				53:  "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to endpoint 7, eth0, established, from endpoint 12", // in two rows
				20:  "fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: endpoint 7",
			},
		},
		"drop of Cilium's": {
			[]*payload.Payload{drop(synPacket)},
			map[int]string{
				100: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied, eth0, endpoint 12->7",
				75:  "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied, eth0",
				58:  "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied",
			},
		},
		"drop of the kernel's": {
			[]*payload.Payload{kernelDrop(synPacket)},
			map[int]string{
				81: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: NO_SOCKET, eth0, in __udp4_lib_rcv",
				75: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: NO_SOCKET, eth0",
			},
		},
		"drop of the kernel's without a reason": {
			[]*payload.Payload{kernelDrop(synPacket, noReason)},
			map[int]string{
				90: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: NOT_SPECIFIED, eth0, ingress, in ip_error",
				80: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: in ip_error, eth0, ingress",
				68: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: in ip_error, eth0",
				60: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: in ip_error",
			},
		},
		"denial by a rule": {
			[]*payload.Payload{told, verdict(synPacket, host), drop(synPacket, func(n *api.DropNotify) {
				n.Source, n.DstID, n.SrcLabel, n.DstLabel = 0, 0, 0, 0
			})},
			map[int]string{
				78: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied, eth0, rule tcp/80",
				75: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: rule tcp/80, eth0",
				58: "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: rule tcp/80",
			},
		},
		"capture": {
			[]*payload.Payload{capture(api.CaptureDelivery, 2, synPacket)},
			map[int]string{
				79: "cap  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: delivered to eth0, from endpoint 12",
				78: "cap  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: delivered to eth0",
			},
		},
		"l7": {
			[]*payload.Payload{denied},
			map[int]string{
				107: "l7   10.0.0.1:34567 -> 10.0.0.2:80 http request GET: Denied, ingress, endpoint 12->34, identity 4711->world",
				106: "l7   10.0.0.1:34567 -> 10.0.0.2:80 http request GET: Denied, ingress, endpoint 12->34",
				84:  "l7   10.0.0.1:34567 -> 10.0.0.2:80 http request GET: Denied, ingress",
				67:  "l7   10.0.0.1:34567 -> 10.0.0.2:80 http request GET: Denied",
				59:  "l7   10.0.0.1:34567 -> 10.0.0.2:80 http request GET: Denied", // the color ends with the line
				58:  "l7   10.0.0.1:34567 -> 10.0.0.2:80 http request GET: Denied, ingress, endpoint 12->34, identity 4711->world",
			},
		},
		"verdict": {
			[]*payload.Payload{verdict(synPacket)},
			map[int]string{
				85: "deny 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: ingress, endpoint 12, match none",
				60: "deny 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: ingress",
			},
		},
	} {
		for width, want := range test.lines {
			for _, color := range []bool{false, true} {
				p := newWidthPrinter(width, format.Options{Color: color})
				lines := p.print(test.payloads...)
				if test.payloads[0] == told {
					_, lines, _ = strings.Cut(lines, "\n")
				}
				require.Equal(t, want+"\n", colors.ReplaceAllString(lines, ""), "%s, %d columns", name, width)
			}
		}
	}
}

// TestWidthLosesNothingElse shows what does not depend on the width: a line that would not have fewer rows, other
// outputs, and what -v asks for.
func TestWidthLosesNothingElse(t *testing.T) {
	clock := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC) }
	for _, g := range groups(t) {
		for _, e := range g.payloads {
			for _, opts := range []format.Options{
				{Output: format.OutputCilium}, {Output: format.OutputCilium, Level: format.LevelVerbose}, {Output: format.OutputJSON},
			} {
				require.Equal(t, print(opts, e.payload), newWidthPrinter(40, opts).print(e.payload), e.name)
			}
			whole := print(format.Options{Clock: clock}, e.payload)
			for _, width := range []int{1, 30, 60, 80, 100, 120, 200} {
				p := newWidthPrinter(width, format.Options{Clock: clock})
				got := p.print(e.payload)
				require.LessOrEqual(t, rows(got, width), rows(whole, width), e.name)
				require.Equal(t, got != whole, p.f.IsBrief(), e.name)
				if rows(got, width) == rows(whole, width) {
					require.Equal(t, whole, got, "%s: it is not worth it", e.name)
				}
				p.width = 10_000
				require.Equal(t, whole, p.print(e.payload), "the width is asked for each time")
			}
		}
	}
}

// TestFold shows that lines of -v and -vv fit into the rows of a terminal, are cut between words, and have all that they have elsewhere.
func TestFold(t *testing.T) {
	clock := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC) }
	words := regexp.MustCompile(`\S+`)
	for _, g := range groups(t) {
		for _, e := range g.payloads {
			for _, opts := range []format.Options{
				{Clock: clock, Level: format.LevelDebug}, {Clock: clock, Level: format.LevelVerbose}, {Clock: clock, Hex: true},
			} {
				whole := print(opts, e.payload)
				folded := newWidthPrinter(80, opts).print(e.payload)
				wholeWords := words.FindAllString(whole, -1)
				longest := ""
				for _, word := range wholeWords {
					if len(word) > len(longest) {
						longest = word
					}
				}
				if len(longest) <= 78 {
					require.Equal(t, wholeWords, words.FindAllString(folded, -1), e.name)
				} else {
					require.Equal(t, strings.Join(wholeWords, ""), strings.Join(words.FindAllString(folded, -1), ""), e.name)
				}
				for row := range strings.Lines(folded) {
					require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(row, "\n")), 80, e.name)
				}
				opts.Color = true
				for _, width := range []int{1, 20, 57, 80, 200} {
					colored := newWidthPrinter(width, opts).print(e.payload)
					opts.Color = false
					require.Equal(t, newWidthPrinter(width, opts).print(e.payload), colors.ReplaceAllString(colored, ""), e.name)
					opts.Color = true
					require.Equal(t, strings.Join(colors.FindAllString(print(opts, e.payload), -1), ""), strings.Join(colors.FindAllString(colored, -1), ""))
				}
			}
		}
	}
}

func rows(line string, width int) int {
	return (utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) + width - 1) / width
}
