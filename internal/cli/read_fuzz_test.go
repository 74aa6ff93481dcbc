// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/internal/inert"
)

// readFlags are those that FuzzRead reads with. With the first ones, each event is a line of JSON.
var readFlags = [][]string{
	{"--json"},
	{},
	{"-v"},
	{"-vv", "--summary"},
	{"--hex"},
	{"-v", "--numeric", "--count", "2"},
	{"-t", "drop", "--not", "--ip", "10.0.0.0/8"},
	{"--port", "80", "--interface", "1", "--summary"},
}

var (
	wrotePackets = regexp.MustCompile(`(?m)^Wrote (\d+) packets?`)
	notLoss      = regexp.MustCompile(`(?m)^([^L]|L[^o]|Lo[^s]).*$`)
)

// FuzzRead reads any bytes as a recording, as the program does, which also writes the packets; with
// whole, any payloads, which content stands for as in FuzzRecord. All that is printed is whole lines of
// plain text. What is read without an error encoding/gob reads, too, and an error says after how many
// events.
func FuzzRead(f *testing.F) {
	for mode := range byte(len(readFlags)) {
		for _, content := range recordings() {
			f.Add(mode, false, content)
		}
		f.Add(mode, true, eachType())
	}
	input, packets, stdout, stderr := newMemoryFile(f), newMemoryFile(f), newMemoryFile(f), newMemoryFile(f)
	f.Cleanup(func() { signal.Reset(syscall.SIGPIPE) }) // which a watch ignores
	f.Fuzz(func(t *testing.T, mode byte, whole bool, content []byte) {
		stream := content
		if whole {
			stream = payload.AppendTypeInfo(nil)
			for _, pl := range payloadsOf(content) {
				stream = payload.AppendValue(stream, &pl)
			}
		}
		args := readFlags[int(mode)%len(readFlags)]
		input.set(t, stream)
		stdout.set(t, nil)
		stderr.set(t, nil)
		var opts watchOptions
		flags := pflag.NewFlagSet("watch", pflag.ContinueOnError)
		opts.addFlags(flags)
		require.NoError(t, flags.Parse(append([]string{"--read", input.path, "--write", packets.path}, args...)))
		err := opts.run("", stdout.File, stderr.File)

		printed, messages := string(stdout.content(t)), string(stderr.content(t))
		requirePlainLines(t, printed)
		requirePlainLines(t, messages)
		if written := wrotePackets.FindStringSubmatch(messages); written != nil {
			require.Equal(t, written[1], strconv.Itoa(len(readPackets(t, packets.path))))
		} else { // since there is no beginning
			require.Error(t, err)
			require.Empty(t, printed)
		}
		if slices.Contains(args, "--count") {
			require.LessOrEqual(t, len(notLoss.FindAllString(printed, -1)), 2)
		}
		otherOrder := errors.Is(err, recording.ErrByteOrder)
		if whole && !otherOrder {
			require.NoError(t, err)
		} else if err != nil {
			requirePlainLines(t, oneLine(err)+"\n")
			require.ErrorContains(t, err, input.path)
		}
		if !slices.Contains(args, "--json") || otherOrder || bytes.HasPrefix(stream, []byte(recording.Magic[:1])) {
			return
		}

		events := strings.Count(printed, "\n")
		for line := range strings.Lines(printed) {
			require.True(t, json.Valid([]byte(line)), line)
		}
		theirs, theirErr := gobPayloads(stream)
		require.GreaterOrEqual(t, len(theirs), events)
		switch {
		case err == nil:
			require.Len(t, theirs, events)
			requireEnd(t, events, theirErr)
		case events > 0:
			require.Regexp(t, fmt.Sprintf(`event %d\b`, events+1), err.Error())
		default:
			require.Regexp(t, `empty|no recording at all|neither a recording|event 1: corrupt message`, err.Error())
		}
	})
}

// eachType is payloads of each type, as payloadsOf reads them.
func eachType() (events []byte) {
	for _, sample := range [][]byte{
		message("one"), message("monitor: two"), traceOfSYN(1), traceOfSYN(2),
		(&api.DropNotify{Type: api.MessageTypeDrop, SubType: 133, Version: 2}).Append(nil),
		(&api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, Verdict: -133}).Append(nil),
		(&api.DebugCapture{Type: api.MessageTypeCapture}).Append(nil),
		(&api.DebugMsg{Type: api.MessageTypeDebug}).Append(nil),
		(&api.TraceSockNotify{Type: api.MessageTypeTraceSock}).Append(nil),
		[]byte("\x82\x1b[2J\xff"), {77}, {},
	} {
		events = append(append(events, kindSample, byte(len(sample)), 0, 1), sample...)
	}
	return append(events, kindLoss, 5, 3, 255, kindLoss, 1, 63, 7, kindOther, 0, 0, 0)
}

// recordings are some, of which most are not whole.
func recordings() [][]byte {
	request := accesslog.LogRecord{Type: accesslog.TypeRequest, HTTP: &accesslog.LogRecordHTTP{Code: 200, Method: "GET"}}
	record, err := request.Append(nil)
	if err != nil {
		panic(err)
	}
	whole := payload.AppendValue(payload.AppendTypeInfo(nil), &payload.Payload{Data: record, Type: payload.EventSample})
	for _, pl := range payloadsOf(eachType()) {
		whole = payload.AppendValue(whole, &pl)
	}
	var timed bytes.Buffer
	w, err := recording.NewWriter(&timed, recording.Names{Node: "node", Interfaces: map[uint32]string{1: "eth0"}, DropReasons: map[uint8]string{133: "No"}})
	if err != nil {
		panic(err)
	}
	for _, pl := range payloadsOf(eachType()) {
		if err := w.Write(time.Unix(1, 2), &pl); err != nil {
			panic(err)
		}
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return [][]byte{
		timed.Bytes(), timed.Bytes()[:timed.Len()-1], append(timed.Bytes(), timed.Bytes()...), timed.Bytes()[:30],
		whole, whole[:len(whole)-1], whole[:20], {}, append(bytes.Clone(whole), whole...), append(bytes.Clone(whole), 3, 1, 2, 3),
		append(payload.AppendTypeInfo(nil), 0xfd, 0x02, 0, 0), []byte("\nxx drop (Policy denied) and many more lines of text"),
	}
}

// requirePlainLines checks that text is whole lines, and can be printed on a terminal.
func requirePlainLines(t *testing.T, text string) {
	t.Helper()
	require.True(t, text == "" || strings.HasSuffix(text, "\n"), "%q", text)
	require.True(t, utf8.ValidString(text), "%q", text)
	for _, r := range text {
		if r != '\n' && r != '\t' && !inert.IsPrint(r) {
			require.Fail(t, "not plain", "%q in %q", r, text)
		}
	}
}
