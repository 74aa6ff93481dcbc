// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
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
	wrotePackets = regexp.MustCompile(`(?m)^Wrote (\d+) packets`)
	notLoss      = regexp.MustCompile(`(?m)^([^C]|C[^P]|CP[^U]).*$`)
)

// FuzzRead reads any bytes as a recording, as the program does, which also writes the packets. All
// that is printed is whole lines of plain text. What is read without an error encoding/gob reads,
// too, and an error says after how many events.
func FuzzRead(f *testing.F) {
	for _, recording := range recordings() {
		for mode := range readFlags {
			f.Add(byte(mode), recording)
		}
	}
	input, packets, stdout, stderr := newMemoryFile(f), newMemoryFile(f), newMemoryFile(f), newMemoryFile(f)
	f.Cleanup(func() { signal.Reset(syscall.SIGPIPE) }) // which a watch ignores
	f.Fuzz(func(t *testing.T, mode byte, recording []byte) {
		args := readFlags[int(mode)%len(readFlags)]
		input.set(t, recording)
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
		written := wrotePackets.FindStringSubmatch(messages)
		require.NotNil(t, written, messages)
		require.Equal(t, written[1], strconv.Itoa(len(readPackets(t, packets.path))))
		if slices.Contains(args, "--count") {
			require.LessOrEqual(t, len(notLoss.FindAllString(printed, -1)), 2)
		}
		if err != nil {
			requirePlainLines(t, err.Error()+"\n")
			require.ErrorContains(t, err, input.path)
		}
		if !slices.Contains(args, "--json") {
			return
		}

		events := strings.Count(printed, "\n")
		for line := range strings.Lines(printed) {
			require.True(t, json.Valid([]byte(line)), line)
		}
		theirs, theirErr := gobPayloads(recording)
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

// recordings are some to begin with, also such as are not whole.
func recordings() [][]byte {
	whole := payload.AppendTypeInfo(nil)
	request := accesslog.LogRecord{Type: accesslog.TypeRequest, HTTP: &accesslog.LogRecordHTTP{Code: 200, Method: "GET"}}
	record, err := request.Append(nil)
	if err != nil {
		panic(err)
	}
	for _, pl := range []payload.Payload{
		{Data: message("one"), Type: payload.EventSample},
		{Data: traceOfSYN(1), CPU: 1, Type: payload.EventSample},
		{Data: (&api.DropNotify{Type: api.MessageTypeDrop, SubType: 133, Version: 2}).Append(nil), CPU: 2, Type: payload.EventSample},
		{Data: (&api.DebugMsg{Type: api.MessageTypeDebug}).Append(nil), Type: payload.EventSample},
		{Data: record, Type: payload.EventSample},
		{CPU: 3, Lost: 5, Type: payload.RecordLost},
		{CPU: payload.CPULostByReader, Lost: 1 << 63, Type: payload.RecordLost},
		{Data: []byte("\x82\x1b[2J\xff"), Type: payload.EventSample},
		{Data: []byte{77}, CPU: -1 << 63, Type: 1 << 40},
		{},
	} {
		whole = payload.AppendValue(whole, &pl)
	}
	return [][]byte{
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
