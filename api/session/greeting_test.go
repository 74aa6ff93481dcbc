// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
)

func TestGreeting(t *testing.T) {
	want := session.Greeting{
		Version: "1.3", Agent: "monitor 1.0", ByteOrder: recording.HostByteOrder(), Time: 1782907200123456789,
		Applies:    session.Applies{Types: true, DropReasons: true, Packets: true, From: true, Until: true},
		History:    &session.History{Types: []int{1, 5}, Oldest: 1782907200000000000},
		Dictionary: dictionary(),
	}
	frame := appended(session.AppendGreeting(nil, &want))
	require.Equal(t, `{"version":"1.3","agent":"monitor 1.0","byteOrder":"`+recording.HostByteOrder()+`","time":1782907200123456789,`+
		`"applies":{"types":true,"dropReasons":true,"packets":true,"from":true,"until":true},"history":{"types":[1,5],"oldest":1782907200000000000},`+
		`"dictionary":{"node":"node-a","interfaces":{"1":"lo","2":"eth0"},"messageTypes":{"1":"drop","200":"mine"},"dropReasons":{"133":"Policy denied"},`+
		`"sourceFiles":{"1":"bpf_host.c"},"alternativeNames":{"2":["enp3s0","lan"]},"denyRules":["tcp/80","@10.0.0.0/8"]}}`, string(frame[8:]))
	got, err := session.DecodeGreeting(frame[8:])
	require.NoError(t, err)
	require.Equal(t, &want, got)

	got, err = session.DecodeGreeting([]byte(`{"version":"1.4","byteOrder":"big","applies":{"flags":true},"dictionary":{"interfaces":{"1":""}},"more":[]}`))
	require.NoError(t, err)
	require.Equal(t, &session.Greeting{Version: "1.4", ByteOrder: recording.BigEndian}, got)
}

func TestGreetingErrors(t *testing.T) {
	many := strings.Repeat("x", session.MaxDictionarySize)
	for body, want := range map[string]string{
		``:                                       "a greeting: unexpected end of JSON input",
		`{}`:                                     `a greeting: it has the version "", this program speaks 1.3`,
		`{"version":"2.0"}`:                      `a greeting: it has the version "2.0", this program speaks 1.3`,
		`{"version":"1.3","byteOrder":"middle"}`: `a greeting: there is no byte order "middle"`,
		`{"version":"1.3","byteOrder":"big","dictionary":{"interfaces":{"-1":"a"}}}`:                              "a greeting: json: cannot unmarshal",
		`{"version":"1.3","agent":"` + many + `"}`:                                                                "a greeting of 4194332 bytes",
		`{"version":"1.3","byteOrder":"big","dictionary":{"node":"` + many[:len(many)-99] + `"}}`:                 "",
		`{"version":"1.3","byteOrder":"big","dictionary":{"denyRules":[` + strings.Repeat(`"",`, 1<<18) + `""]}}`: "a dictionary of 4194336 bytes",
	} {
		_, err := session.DecodeGreeting([]byte(body))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, session.ErrCorrupt)
		require.ErrorContains(t, err, want)
	}
	out, err := session.AppendGreeting([]byte("before"), &session.Greeting{Agent: many})
	require.ErrorContains(t, err, "encode the greeting: it has")
	require.Equal(t, "before", string(out))
	out, err = session.AppendDictionary([]byte("before"), &session.Dictionary{DenyRules: []string{many}})
	require.ErrorContains(t, err, "encode changes of the dictionary: it has")
	require.Equal(t, "before", string(out))
	_, err = session.DecodeDictionary([]byte(`"` + many + `"`))
	require.ErrorContains(t, err, "a dictionary of 4194306 bytes")
}

// TestReadGreeting reads what an agent may begin with.
func TestReadGreeting(t *testing.T) {
	want := &session.Greeting{Version: "1.3", ByteOrder: recording.BigEndian}
	greeting := appended(session.AppendGreeting(nil, want))
	read := func(stream []byte) (*session.Greeting, error) {
		return session.NewReader(bytes.NewReader(stream)).ReadGreeting()
	}
	got, err := read(greeting)
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = read(append(appendFrame(nil, 99, "of a newer version"), greeting...))
	require.NoError(t, err)
	require.Equal(t, want, got)

	refusal := &session.Refusal{Code: session.CodeBusy, Text: "it has 2 clients", Temporary: true}
	_, err = read(appended(session.AppendRefusal(nil, refusal)))
	require.Equal(t, refusal, err)

	for _, stream := range [][]byte{
		session.AppendEvent(nil, 1, 2, nil), session.AppendLoss(nil, session.Loss{}), session.AppendLive(nil), session.AppendEnd(nil),
		appended(session.AppendRequest(nil, &session.Request{})), appended(session.AppendDictionary(nil, &session.Dictionary{})),
		appendFrame(nil, session.KindGreeting, "{}"), appendFrame(nil, session.KindRefusal, "[]"), []byte("HTTP/1.1 400 Bad Request"),
	} {
		_, err = read(stream)
		require.ErrorIs(t, err, session.ErrNotASession, "%q", stream)
	}
	for n := range greeting {
		_, err = read(greeting[:n])
		if n == 0 {
			require.Equal(t, io.EOF, err)
		} else {
			require.Equal(t, io.ErrUnexpectedEOF, err)
		}
	}
}
