// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// evilTexts would drive a terminal, forge a line, hide or turn around what is behind them, be no
// UTF-8, or show a password.
var evilTexts = []string{
	"a\x1b[2J\r\nb\t\x00\x7f", "\u0085\u009b31m", "a\u202eb\u2066c\u200b\u200d\ufeff", "\xff\xc0\xed\xa0\x80", "\U000e0041\u3164\u034f\u2028",
	"see http://user:secret@host/ and //u:secret@h", `{"url":"http:\/\/user:secret\u0040host"}`, "\"\x7f\u009b\u202e\xff\"",
	"{\"\u202e\":\"http://user:secret@host\"}",
}

// evilInterface is a name that no kernel would allow.
func evilInterface(ifindex uint32) string {
	return strings.Join(evilTexts, "") + string(rune(ifindex))
}

// echo is a type whose functions write what is in the sample, and fail with it.
func echo(number int, name string) *format.Type {
	text := func(s *format.Sample) string { return string(s.Data[1:]) }
	return &format.Type{
		Number: number,
		Name:   name,
		Decode: func(s *format.Sample) error {
			s.Ifindex = 1
			if strings.HasPrefix(text(s), "err") {
				return errors.New(text(s))
			}
			return nil
		},
		Line: func(l *format.Line, s *format.Sample) {
			l.Printf("%s", text(s))
			l.Interface(s.Ifindex)
			if strings.HasPrefix(text(s), "line") {
				panic(text(s))
			}
		},
		JSON: func(o *format.Object, s *format.Sample) {
			o.String("string", text(s))
			o.String("name of "+text(s), "")
			o.Any("any", map[string]any{text(s): []string{text(s)}})
			if strings.HasPrefix(text(s), "json") {
				panic(text(s))
			}
		},
		Kind: text,
	}
}

// eventsOf returns events that carry the text wherever they can.
func eventsOf(text string) []*payload.Payload {
	r := accesslog.LogRecord{
		Type: accesslog.FlowType(text), Verdict: accesslog.FlowVerdict(text), ObservationPoint: accesslog.ObservationPoint(text), Info: text,
		SourceEndpoint: accesslog.EndpointInfo{Labels: []accesslog.Label{{Key: text, Value: text, Source: text}}},
	}
	web := r
	web.HTTP = &accesslog.LogRecordHTTP{
		Method: text, Protocol: text, Headers: header(text),
		URL: &url.URL{Scheme: "http", Host: "host", User: url.UserPassword("user", "secret"), RawQuery: text},
	}
	if !strings.Contains(text, `\`) { // which %5C would hide
		web.HTTP.URL.Path = text
	}
	dns := r
	dns.DNS = &accesslog.LogRecordDNS{Query: text, CNAMEs: []string{text}, ObservationSource: text}
	l7 := r
	l7.L7 = &accesslog.LogRecordL7{Proto: text, Fields: map[string]string{text: text}}

	events := []*payload.Payload{agent(api.AgentNotifyGeneric, text)}
	for _, r := range []accesslog.LogRecord{r, web, dns, l7} {
		data, err := r.Append(nil)
		if err != nil {
			panic(err)
		}
		events = append(events, sample(data))
	}
	return events
}

func header(text string) http.Header { return http.Header{text: {text}} }

// password finds those of URLs, wherever they are in a line.
var password = regexp.MustCompile(`//[^/?#\s"<>@:\[]*:([^/?#\s"<>]+)@`)

// dumped is a line of a hex dump.
var dumped = regexp.MustCompile(`(?m)^[0-9a-f]{8}  .*\n`)

// requireInert requires that text is harmless to print.
func requireInert(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Fatalf("not UTF-8: %q", text)
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && (!unicode.IsPrint(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("%q in %q", r, text)
		}
	}
	for _, m := range password.FindAllStringSubmatch(dumped.ReplaceAllString(text, ""), -1) {
		if m[1] != "xxxxx" {
			t.Fatalf("password %q in %q", m[1], text)
		}
	}
}

// TestInert prints everything that can have text from outside, in each way.
func TestInert(t *testing.T) {
	register(t, echo(101, "echo"))
	var payloads []*payload.Payload
	for _, text := range evilTexts {
		payloads = append(payloads, eventsOf(text)...)
		for _, prefix := range []string{"", "err", "line", "json"} {
			payloads = append(payloads, sample(append([]byte{101}, prefix+text...)))
		}
		payloads = append(payloads, sample(append([]byte{api.MessageTypeAgent}, text...)), sample(append([]byte{api.MessageTypeAccessLog}, text...)))
	}
	payloads = append(payloads, trace(synPacket), drop(synPacket), capture(api.CaptureDelivery, 2, udpPacket), malformedURL(t))

	for _, opts := range []format.Options{{}, {Level: format.LevelDebug}, {Level: format.LevelVerbose}, {Hex: true}, {Output: format.OutputJSON}, {Output: format.OutputCilium}, ciliumVerbose} {
		for _, pl := range payloads {
			out := printOn(evilInterface, opts, pl)
			requireInert(t, out)
			require.NotContains(t, out, "secret")
			require.NotContains(t, out, "736563726574", "in hex")
		}
	}
	var s format.Summary
	ev := format.NewEvent(evilInterface)
	for _, pl := range payloads {
		ev.Decode(pl)
		s.Count(ev)
	}
	out := string(s.Append(nil))
	requireInert(t, out)
	require.NotContains(t, out, "secret")
	require.Len(t, strings.Split(out, "\n"), strings.Count(out, "\n")+1)
}

// malformedURL is an access log record whose URL does not parse, and which is decoded without it.
func malformedURL(t *testing.T) *payload.Payload {
	u := &url.URL{Scheme: "http", Opaque: "//user:secret/x@host"}
	data, err := (&accesslog.LogRecord{HTTP: &accesslog.LogRecordHTTP{Method: "GET", URL: u}}).Append(nil)
	require.NoError(t, err)
	require.Contains(t, print(format.Options{}, sample(data)), "GET")
	return sample(data)
}

// TestOpaqueURL hides the password of a URL that has no authority.
func TestOpaqueURL(t *testing.T) {
	u, err := url.Parse("http:user:secret@host/path")
	require.NoError(t, err)
	data, err := (&accesslog.LogRecord{HTTP: &accesslog.LogRecordHTTP{Method: "GET", URL: u}}).Append(nil)
	require.NoError(t, err)
	require.Contains(t, print(format.Options{}, sample(data)), "GET http:user:xxxxx@host/path")
	require.Contains(t, print(format.Options{Output: format.OutputJSON}, sample(data)), `"Opaque":"user:xxxxx@host/path"`)
}

// TestRegisteredReasonInJSON quotes a drop reason that has quotes in it.
func TestRegisteredReasonInJSON(t *testing.T) {
	unregister, err := api.RegisterDropReason(251, `a "reason"`)
	require.NoError(t, err)
	defer unregister()
	require.Contains(t, print(format.Options{Output: format.OutputJSON}, debug(api.DebugCTVerdict, 251, 0, 0)), `"message":"CT verdict: a \"reason\", revnat=0"`)
}
