// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/session"
)

func prefixes(texts ...string) (all session.CIDRs) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// fullRequest has all members.
var fullRequest = session.Request{
	Version:     "1.3",
	Client:      "monitor watch",
	Types:       []int{1, 4, 255},
	DropReasons: []int{0, 133, 255},
	Packets: []session.PacketRule{
		{Protocols: []int{6}, Ports: []session.PortRange{{First: 80, Last: 80}, {First: 8000, Last: 8080}}, CIDRs: prefixes("10.0.0.0/8", "fd00::/8")},
		{Protocols: []int{1, 58}},
	},
	From:        session.From{Last: 100},
	Until:       1782907200123456789,
	HistoryOnly: true,
}

const fullRequestJSON = `{"version":"1.3","client":"monitor watch","types":[1,4,255],"dropReasons":[0,133,255],` +
	`"packets":[{"protocols":[6],"ports":[{"first":80,"last":80},{"first":8000,"last":8080}],"cidrs":["10.0.0.0/8","fd00::/8"]},` +
	`{"protocols":[1,58]}],"from":{"last":100},"until":1782907200123456789,"historyOnly":true}`

func TestRequest(t *testing.T) {
	frame := appended(session.AppendRequest(nil, &fullRequest))
	require.Equal(t, fullRequestJSON, string(frame[8:]))
	stream := bytes.NewReader(append(frame, "more"...))
	got, err := session.ReadRequest(iotest.OneByteReader(stream))
	require.NoError(t, err)
	require.Equal(t, &fullRequest, got)
	require.Equal(t, 4, stream.Len(), "nothing is read beyond it")

	got, err = session.DecodeRequest([]byte(`{"version":"1.9","colour":"green","packets":[{"protocols":[1],"flags":["SYN"]}],"from":{"last":0},"types":null}`))
	require.NoError(t, err)
	require.Equal(t, &session.Request{Version: "1.9", Packets: []session.PacketRule{{Protocols: []int{1}}}}, got, "members of a newer version are skipped")
}

// TestRequestErrors has each member wrong in all ways.
func TestRequestErrors(t *testing.T) {
	list := func(n int, element string) string {
		return "[" + strings.Join(slices.Repeat([]string{element}, n), ",") + "]"
	}
	for body, want := range map[string]session.Refusal{
		``:                   {Text: "the request is no JSON object: unexpected end of JSON input"},
		`[]`:                 {Text: `it cannot be a JSON "array"`},
		`null`:               {Code: session.CodeVersion, Field: "version", Text: `"" is asked for, this agent speaks 1.3`},
		`{}`:                 {Code: session.CodeVersion, Field: "version", Text: `"" is asked for, this agent speaks 1.3`},
		`{"version":"2.0"}`:  {Code: session.CodeVersion, Field: "version", Text: `"2.0" is asked for, this agent speaks 1.3`},
		`{"version":"1"}`:    {Code: session.CodeVersion, Field: "version", Text: `"1" is asked for, this agent speaks 1.3`},
		`{"version":1.3}`:    {Field: "version", Text: `it cannot be a JSON "number"`},
		`{"version":"1.3"}x`: {Text: "the request is no JSON object: invalid character 'x' after top-level value"},

		`"client":"` + strings.Repeat("x", 129) + `"`: {Field: "client", Text: "it has 129 bytes, at most 128 are possible"},
		`"client":"a\u001b[31m"`:                      {Field: "client", Text: `"a\x1b[31m" has a character that cannot be printed`},
		`"client":"` + "\xff" + `"`:                   {Field: "client", Text: `"` + "\ufffd" + `" has a character that cannot be printed`},

		`"types":[]`:                {Field: "types", Text: "it is empty: leave it out for all"},
		`"types":["drop"]`:          {Field: "types", Text: `it cannot be a JSON "string"`},
		`"types":[1,-1]`:            {Field: "types[1]", Text: "-1 is not in 0-255"},
		`"types":[256]`:             {Field: "types[0]", Text: "256 is not in 0-255"},
		`"types":[1e400]`:           {Field: "types", Text: `it cannot be a JSON "number 1e400"`},
		`"types":` + list(257, "1"): {Field: "types", Text: "it has 257 elements, at most 256 are possible"},
		`"dropReasons":[-1]`:        {Field: "dropReasons[0]", Text: "-1 is not in 0-255"},
		`"dropReasons":[]`:          {Field: "dropReasons", Text: "it is empty: leave it out for all"},
		`"packets":[]`:              {Field: "packets", Text: "it is empty: leave it out for all"},
		`"packets":` + list(65, `{"ports":[{"first":1,"last":1}]}`):           {Field: "packets", Text: "it has 65 elements, at most 64 are possible"},
		`"packets":[{"protocols":[6]},{}]`:                                    {Field: "packets[1]", Text: "it has neither protocols nor ports nor cidrs: leave packets out for all packets"},
		`"packets":[{"protocols":[256]}]`:                                     {Field: "packets[0].protocols[0]", Text: "256 is not in 0-255"},
		`"packets":[{"ports":[]}]`:                                            {Field: "packets[0].ports", Text: "it is empty: leave it out for all"},
		`"packets":[{"ports":[{"first":1,"last":1},{"first":90,"last":80}]}]`: {Field: "packets[0].ports[1]", Text: "its first, 90, is above its last, 80"},
		`"packets":[{"ports":[{"last":90}]}]`:                                 {Field: "packets.ports", Text: "a range has first and last"},
		`"packets":[{"ports":[{"first":90,"new":1}]}]`:                        {Field: "packets.ports", Text: "a range has first and last"},
		`"packets":[{"ports":[null]}]`:                                        {Field: "packets.ports", Text: "a range has first and last"},
		`"packets":[{"ports":[80]}]`:                                          {Field: "packets.ports", Text: `it cannot be a JSON "number"`},
		`"packets":[{"ports":[{"first":65536,"last":65536}]}]`:                {Field: "packets.ports.first", Text: `it cannot be a JSON "number 65536"`},
		`"packets":[{"ports":` + list(65, `{"first":1,"last":1}`) + `}]`:      {Field: "packets[0].ports", Text: "it has 65 elements, at most 64 are possible"},
		`"packets":[{"cidrs":[]}]`:                                            {Field: "packets[0].cidrs", Text: "it is empty: leave it out for all"},
		`"packets":[{"cidrs":"10.0.0.0/8"}]`:                                  {Field: "packets.cidrs", Text: "it is no list of texts"},
		`"packets":[{"cidrs":["10.0.0.1"]}]`:                                  {Field: "packets.cidrs", Text: `"10.0.0.1" is no CIDR, such as 10.0.0.0/8`},
		`"packets":[{"cidrs":["` + strings.Repeat("x", 100) + `"]}]`:          {Field: "packets.cidrs", Text: `"` + strings.Repeat("x", 64) + `"... is no CIDR, such as 10.0.0.0/8`},
		`"packets":[{"cidrs":["` + strings.Repeat("x", 64) + `"]}]`:           {Field: "packets.cidrs", Text: `"` + strings.Repeat("x", 64) + `" is no CIDR, such as 10.0.0.0/8`},
		`"packets":[{"cidrs":["::/0","::ffff:10.0.0.0/104"]}]`:                {Field: "packets[0].cidrs[1]", Text: "::ffff:10.0.0.0/104 is IPv4 written as IPv6"},
		`"packets":[{"cidrs":` + list(1000, `"::/0"`) + `}]`:                  {Field: "packets[0].cidrs", Text: "it has 65 elements, at most 64 are possible"},

		`"from":{"last":-1}`:           {Field: "from.last", Text: `it cannot be a JSON "number -1"`},
		`"from":{"last":1,"since":1}`:  {Field: "from", Text: "it has both last and since"},
		`"from":{"since":-1}`:          {Field: "from.since", Text: "-1 is before 1970"},
		`"until":-1`:                   {Field: "until", Text: "-1 is before 1970"},
		`"from":{"since":9},"until":8`: {Field: "until", Text: "it is before from.since"},
		`"historyOnly":true`:           {Field: "historyOnly", Text: "it needs from, which says how much of the history"},
		`"historyOnly":true,"from":{}`: {Field: "historyOnly", Text: "it needs from, which says how much of the history"},
	} {
		if strings.HasPrefix(body, `"`) {
			body = `{"version":"1.3",` + body + `}`
		}
		if want.Code == "" {
			want.Code = session.CodeRequest
		}
		r, err := session.DecodeRequest([]byte(body))
		require.Nil(t, r)
		require.Equal(t, &want, err, "%s", body)
	}
}

// TestRequestBounds takes as much of everything as there can be.
func TestRequestBounds(t *testing.T) {
	rule := session.PacketRule{
		Protocols: make([]int, 256),
		Ports:     slices.Repeat([]session.PortRange{{First: 0, Last: 65535}}, session.MaxRuleValues),
		CIDRs:     slices.Repeat(prefixes("0.0.0.0/0"), session.MaxRuleValues),
	}
	r := session.Request{
		Client: strings.Repeat("x", 128), Types: slices.Repeat([]int{255}, 256), DropReasons: make([]int, 256),
		Packets: []session.PacketRule{rule}, From: session.From{Since: 8}, Until: 8, HistoryOnly: true,
	}
	got, err := session.ReadRequest(bytes.NewReader(appended(session.AppendRequest(nil, &r))))
	require.NoError(t, err)
	r.Version = session.Version
	require.Equal(t, &r, got)

	// That is possible as long as all of it is not too large.
	r.Packets = slices.Repeat(r.Packets, session.MaxPacketRules)
	require.NoError(t, r.Validate())
	before := []byte("before")
	out, err := session.AppendRequest(before, &r)
	require.ErrorContains(t, err, "at most 65536 are possible")
	require.Equal(t, before, out)
}

// TestAppendRequestErrors refuses what an agent would, before it is sent.
func TestAppendRequestErrors(t *testing.T) {
	for _, r := range []session.Request{
		{Version: "2.0"}, {Types: []int{}}, {Packets: []session.PacketRule{{CIDRs: make(session.CIDRs, 1)}}},
		{Packets: []session.PacketRule{{CIDRs: session.CIDRs{}}}},
	} {
		out, err := session.AppendRequest([]byte("before"), &r)
		var refusal *session.Refusal
		require.ErrorAs(t, err, &refusal)
		require.ErrorContains(t, err, "encode the request: "+refusal.Field+": ")
		require.Equal(t, "before", string(out))
	}
}

// TestReadRequestErrors reads what is no frame of a request.
func TestReadRequestErrors(t *testing.T) {
	frame := appended(session.AppendRequest(nil, &fullRequest))
	broken := errors.New("broken pipe")
	for n := range frame {
		size, err := session.RequestFrameSize(frame[:n])
		require.NoError(t, err)
		if n < 8 {
			require.Zero(t, size, "%d bytes", n)
		} else {
			require.Len(t, frame, size, "%d bytes", n)
		}
		_, err = session.ReadRequest(bytes.NewReader(frame[:n]))
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		require.Equal(t, want, err, "%d bytes", n)
		_, err = session.ReadRequest(io.MultiReader(bytes.NewReader(frame[:n]), iotest.ErrReader(broken)))
		require.Equal(t, broken, err)
	}
	for stream, want := range map[string]string{
		"GET / HTTP/1.1\r\n": "a session begins with a frame of kind 1, the request, not 47",
		string(appendFrame(nil, session.KindRequest, strings.Repeat(" ", session.MaxRequestSize+1))): "the request has 65537 bytes, at most 65536 are possible",
		string(appendFrame(nil, session.KindRequest, "")):                                            "the request is no JSON object: unexpected end of JSON input",
	} {
		_, err := session.ReadRequest(strings.NewReader(stream))
		require.Equal(t, &session.Refusal{Code: session.CodeRequest, Text: want}, err)
	}
	_, err := session.DecodeRequest(make([]byte, session.MaxRequestSize+1))
	require.ErrorContains(t, err, "at most 65536")
	padded := fullRequestJSON + strings.Repeat(" ", session.MaxRequestSize-len(fullRequestJSON))
	_, err = session.ReadRequest(bytes.NewReader(appendFrame(nil, session.KindRequest, padded)))
	require.NoError(t, err)
}

func TestRefusal(t *testing.T) {
	want := session.Refusal{Code: session.CodeBusy, Text: "it has 64 clients", Temporary: true}
	frame := appended(session.AppendRefusal([]byte("before"), &want))
	got, err := session.DecodeRefusal(frame[len("before")+8:])
	require.NoError(t, err)
	require.Equal(t, &want, got)
	require.EqualError(t, got, "it has 64 clients")

	got, err = session.DecodeRefusal([]byte(`{"code":"\u0000","field":"a\nb","text":"\u001b[2J","more":1}`))
	require.NoError(t, err)
	require.Equal(t, &session.Refusal{Code: "\ufffd", Field: "a\ufffdb", Text: "\ufffd[2J"}, got)
	require.EqualError(t, got, "a\ufffdb: \ufffd[2J")

	for _, body := range []string{"", "[]", `{"text":1}`, `{"text":"` + strings.Repeat("x", 16<<10) + `"}`} {
		_, err := session.DecodeRefusal([]byte(body))
		require.ErrorIs(t, err, session.ErrCorrupt)
	}
	// The longest one, and one that is longer.
	text := strings.Repeat("x", 16<<10-len(`{"code":"","text":""}`))
	frame, err = session.AppendRefusal(nil, &session.Refusal{Text: text})
	require.NoError(t, err)
	got, err = session.DecodeRefusal(frame[8:])
	require.NoError(t, err)
	require.Equal(t, text, got.Text)
	out, err := session.AppendRefusal([]byte("before"), &session.Refusal{Text: text + "y"})
	require.ErrorContains(t, err, "encode the refusal: it has 16385 bytes, at most 16384 are possible")
	require.Equal(t, "before", string(out))
}

// FuzzRequest decodes anything. What is taken is within bounds, and taken again.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(fullRequestJSON))
	f.Add([]byte(`{"version":"1.3","from":{"since":5},"until":6}`))
	f.Add([]byte(`{"version":"1.3","types":[],"packets":[{"cidrs":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := session.DecodeRequest(body)
		if err != nil {
			refusal, ok := err.(*session.Refusal)
			require.True(t, ok)
			require.NotEmpty(t, refusal.Text)
			frame, err := session.AppendRefusal(nil, refusal)
			require.NoError(t, err, "the refusal can be sent")
			_, err = session.DecodeRefusal(frame[8:])
			require.NoError(t, err)
			return
		}
		require.LessOrEqual(t, len(r.Packets), session.MaxPacketRules)
		for _, p := range r.Packets {
			require.LessOrEqual(t, len(p.Ports), session.MaxRuleValues)
			require.LessOrEqual(t, len(p.CIDRs), session.MaxRuleValues)
		}
		text, err := json.Marshal(r)
		require.NoError(t, err)
		again, err := session.DecodeRequest(text)
		if len(text) <= session.MaxRequestSize {
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(r), fmt.Sprint(again))
		}
	})
}
