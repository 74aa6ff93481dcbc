// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
)

func dictionary() session.Dictionary {
	return session.Dictionary{
		Names: recording.Names{
			Node:         "node-a",
			Interfaces:   map[uint32]string{1: "lo", 2: "eth0"},
			MessageTypes: map[uint8]string{1: "drop", 200: "mine"},
			DropReasons:  map[uint8]string{133: "Policy denied"},
			SourceFiles:  map[uint8]string{1: "bpf_host.c"},
		},
		AlternativeNames: map[uint32][]string{2: {"enp3s0", "lan"}},
		DenyRules:        []string{"tcp/80", "@10.0.0.0/8"},
	}
}

// TestDictionaryChanges brings a dictionary over the wire from one state to the next.
func TestDictionaryChanges(t *testing.T) {
	var sent, got session.Dictionary
	send := func(now session.Dictionary, wantChanges string) {
		t.Helper()
		changes, changed := now.Since(&sent)
		require.Equal(t, wantChanges != "", changed)
		frame := appended(session.AppendDictionary(nil, &changes))
		if changed {
			require.Equal(t, wantChanges, string(frame[8:]))
		}
		decoded, err := session.DecodeDictionary(frame[8:])
		require.NoError(t, err)
		require.NoError(t, got.Update(decoded))
		require.Equal(t, fmt.Sprint(now), fmt.Sprint(got))
		sent = now
	}
	send(dictionary(), `{"node":"node-a","interfaces":{"1":"lo","2":"eth0"},"messageTypes":{"1":"drop","200":"mine"},"dropReasons":{"133":"Policy denied"},`+
		`"sourceFiles":{"1":"bpf_host.c"},"alternativeNames":{"2":["enp3s0","lan"]},"denyRules":["tcp/80","@10.0.0.0/8"]}`)
	send(dictionary(), "")

	now := dictionary()
	now.Node = "node-b"
	now.Interfaces = map[uint32]string{1: "lo", 3: "eth1"}
	now.AlternativeNames = nil
	now.MessageTypes = map[uint8]string{1: "drop", 201: "mine"}
	now.DropReasons[133] = "Denied"
	now.DropReasons[200] = "Mine"
	now.SourceFiles = nil
	now.DenyRules = nil
	send(now, `{"node":"node-b","interfaces":{"2":"","3":"eth1"},"messageTypes":{"200":"","201":"mine"},"dropReasons":{"133":"Denied","200":"Mine"},`+
		`"sourceFiles":{"1":""},"alternativeNames":{"2":null},"denyRules":[]}`)
}

// TestAlternativeNames have an interface, whose end is theirs.
func TestAlternativeNames(t *testing.T) {
	d := dictionary()
	require.NoError(t, d.Update(&session.Dictionary{AlternativeNames: map[uint32][]string{1: {}, 7: {"nobody"}, 2: {"wan"}}}))
	require.Equal(t, map[uint32][]string{2: {"wan"}}, d.AlternativeNames)
	require.NoError(t, d.Update(&session.Dictionary{Names: recording.Names{Interfaces: map[uint32]string{2: ""}}}))
	require.Empty(t, d.AlternativeNames)
	require.Equal(t, map[uint32]string{1: "lo"}, d.Interfaces)
}

// TestDictionaryBound has an agent name ever more interfaces.
func TestDictionaryBound(t *testing.T) {
	var d session.Dictionary
	var err error
	index := uint32(0)
	for ; err == nil; index++ {
		err = d.Update(&session.Dictionary{
			Names:            recording.Names{Interfaces: map[uint32]string{index: strings.Repeat("x", 100<<10)}},
			AlternativeNames: map[uint32][]string{index: {strings.Repeat("y", 100<<10)}},
		})
	}
	require.ErrorIs(t, err, session.ErrCorrupt)
	require.EqualValues(t, 21, index)
}

// TestDictionaryBounds has one text that is as long as it can be, or longer, in each place.
func TestDictionaryBounds(t *testing.T) {
	for name, of := range map[string]func(text string) session.Dictionary{
		"node": func(text string) session.Dictionary { return session.Dictionary{Names: recording.Names{Node: text}} },
		"message type": func(text string) session.Dictionary {
			return session.Dictionary{Names: recording.Names{MessageTypes: map[uint8]string{1: text}}}
		},
		"drop reason": func(text string) session.Dictionary {
			return session.Dictionary{Names: recording.Names{DropReasons: map[uint8]string{1: text}}}
		},
		"source file": func(text string) session.Dictionary {
			return session.Dictionary{Names: recording.Names{SourceFiles: map[uint8]string{1: text}}}
		},
		"interface": func(text string) session.Dictionary {
			return session.Dictionary{Names: recording.Names{Interfaces: map[uint32]string{1: text}}}
		},
		"alternative name": func(text string) session.Dictionary {
			return session.Dictionary{AlternativeNames: map[uint32][]string{1: {text}}, Names: recording.Names{Interfaces: map[uint32]string{1: "x"}}}
		},
		"deny rule": func(text string) session.Dictionary { return session.Dictionary{DenyRules: []string{text}} },
	} {
		rest := 16 + 16 // of the node, and of the text
		switch name {
		case "node":
			rest = 16
		case "alternative name":
			rest += 16 + 1 // of the interface
		}
		for more, want := range map[int]error{0: nil, 1: session.ErrCorrupt} {
			changes := of(strings.Repeat("x", session.MaxDictionarySize-rest+more))
			var d session.Dictionary
			require.ErrorIs(t, d.Update(&changes), want, name)
		}
	}
}

// TestDictionarySince has one change in each place.
func TestDictionarySince(t *testing.T) {
	for _, change := range []func(d *session.Dictionary){
		func(d *session.Dictionary) { d.Node = "node-b" },
		func(d *session.Dictionary) { d.Interfaces[1] = "other" },
		func(d *session.Dictionary) { d.MessageTypes[1] = "other" },
		func(d *session.Dictionary) { d.DropReasons[133] = "other" },
		func(d *session.Dictionary) { d.SourceFiles[1] = "other" },
		func(d *session.Dictionary) { d.AlternativeNames[2] = []string{"other"} },
		func(d *session.Dictionary) { d.DenyRules = []string{"other"} },
	} {
		old, now := dictionary(), dictionary()
		change(&now)
		changes, changed := now.Since(&old)
		require.True(t, changed)
		require.NoError(t, old.Update(&changes))
		require.Equal(t, now, old)
	}
}

// FuzzReader reads what any server may send, and what a client keeps of it.
func FuzzReader(f *testing.F) {
	greeting := session.Greeting{Version: "1.3", ByteOrder: recording.LittleEndian, Dictionary: dictionary()}
	stream := appended(session.AppendGreeting(nil, &greeting))
	stream = session.AppendEvent(stream, 1, 2, []byte("abc"))
	stream = session.AppendLoss(stream, session.Loss{Count: 5, Cause: session.LostByReader, AtLeast: true})
	changes := dictionary()
	stream = appended(session.AppendDictionary(session.AppendLive(stream), &changes))
	f.Add(session.AppendEnd(stream))
	f.Add(appended(session.AppendRefusal(nil, &session.Refusal{Code: session.CodeBusy, Text: "full"})))
	f.Add(appendFrame(nil, session.KindDictionary, `{"interfaces":{"1":"","2":null},"alternativeNames":{"1":["x"]}}`))
	f.Add(appendFrame(appendFrame(nil, 99, "newer"), session.KindEvent, "short"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var names session.Dictionary
		reader := session.NewReader(bytes.NewReader(stream))
		for {
			kind, body, err := reader.Next()
			if err != nil {
				return
			}
			switch kind {
			case session.KindEvent:
				if e, err := session.DecodeEvent(body); err == nil {
					require.Equal(t, string(body[:16+len(e.Data)]), string(session.AppendEvent(nil, e.Time, e.CPU, e.Data)[8:]))
				}
			case session.KindLoss:
				if l, err := session.DecodeLoss(body); err == nil {
					again, err := session.DecodeLoss(session.AppendLoss(nil, l)[8:])
					require.NoError(t, err)
					require.Equal(t, l, again)
				}
			case session.KindGreeting:
				if g, err := session.DecodeGreeting(body); err == nil {
					names = g.Dictionary
				}
			case session.KindDictionary:
				changes, err := session.DecodeDictionary(body)
				if err != nil {
					continue
				}
				before, _ := names.Since(&session.Dictionary{}) // a copy
				if err := names.Update(changes); err != nil {
					return
				}
				difference, _ := names.Since(&before)
				require.NoError(t, before.Update(&difference))
				_, changed := names.Since(&before)
				require.False(t, changed)
				for index := range names.AlternativeNames {
					require.NotEmpty(t, names.Interfaces[index])
				}
			case session.KindRefusal:
				_, _ = session.DecodeRefusal(body)
			default:
			}
		}
	})
}
