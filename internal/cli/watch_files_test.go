// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// twoEvents is what a watch prints of the events "one" and "two".
const twoEvents = "agent Message: \"one\"\nagent Message: \"two\"\n"

// recordingOf returns a recording of samples in a file.
func recordingOf(t *testing.T, samples ...[]byte) string {
	stream := payload.AppendTypeInfo(nil)
	for _, s := range samples {
		stream = payload.AppendValue(stream, &payload.Payload{Type: payload.EventSample, CPU: 1, Data: s})
	}
	return fileOf(t, stream)
}

func fileOf(t *testing.T, content []byte) string {
	path := filepath.Join(t.TempDir(), "events")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func message(text string) []byte {
	return (&api.AgentNotify{Type: api.AgentNotifyGeneric, Text: fmt.Sprintf("%q", text)}).Append(nil)
}

// traceOfSYN is a trace of a TCP SYN from 10.0.0.1 to port 80 of 10.0.0.2.
func traceOfSYN(ifindex uint32) []byte {
	packet := []byte{
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 5 << 4, 2, 0xff, 0xff, 0, 0, 0, 0,
	}
	n := api.TraceNotify{
		Type: api.MessageTypeTrace, ObsPoint: api.TraceToNetwork, Version: 1, Ifindex: ifindex,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
	}
	return append(n.Append(nil), packet...)
}

// TestRecord records what a filter does not let through, and replays it with other filters
// and formats.
func TestRecord(t *testing.T) {
	a := serve(t)
	file := filepath.Join(t.TempDir(), "events")
	w := a.startWatch("--record", file, "-t", "drop")
	a.send("one", "two")
	recorded := func() string { return run(t, "watch", "--read", file).stdout.String() }
	waitUntil(t, func() bool { return recorded() == twoEvents }, "it is in the file while the watch runs")
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	require.Empty(t, w.stdout.String())
	require.Contains(t, w.stderr.String(), "Recorded 2 events in "+file+"\n")

	p := run(t, "watch", "--read", file, "--summary")
	p.waitExit(0)
	require.Equal(t, twoEvents, p.stdout.String())
	require.Regexp(t, `\n2 .*events in total\n`, p.stderr.String())
	p = run(t, "watch", "--read", file, "--json", "--count", "1")
	p.waitExit(0)
	require.JSONEq(t, `{"type":"agent","subtype":"Message","message":"one"}`, p.stdout.String())
	p = run(t, "watch", "--read", file, "--not", "-t", "agent")
	p.waitExit(0)
	require.Empty(t, p.stdout.String())
	require.Regexp(t, `^Recorded on \S+ from 20\d\d-\d\d-\d\d .* on\n0 of 2 events matched\n$`, p.stderr.String())
}

// TestRecordReconnects records one session of two agents.
func TestRecordReconnects(t *testing.T) {
	a := serve(t)
	file := filepath.Join(t.TempDir(), "events")
	w := a.startWatch("--record", file, "--count", "2")
	a.send("one")
	w.waitStdout("one")
	a.stop()
	w.waitStderr("Lost the agent")
	a = serveAt(t, a.socket)
	w.waitStderr("Connected again after ")
	a.waitClients(1)
	a.send("two")
	w.waitExit(0)

	p := run(t, "watch", "--read", file)
	p.waitExit(0)
	require.Equal(t, twoEvents, p.stdout.String())
}

// TestRecordBrokenPipe ends a watch by its reader. The recording is whole.
func TestRecordBrokenPipe(t *testing.T) {
	a := serve(t)
	r, out, err := os.Pipe()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "events")
	cmd := a.watch("--record", file)
	cmd.Stdout = out
	w := a.start(cmd)
	out.Close()
	r.Close()
	w.waitExit(0)
	require.Contains(t, w.stderr.String(), "Recorded 0 events")
	p := run(t, "watch", "--read", file)
	p.waitExit(0)
	require.Empty(t, p.stdout.String())
}

func TestFullDisk(t *testing.T) {
	for _, flag := range []string{"--record", "--write"} {
		t.Run(flag, func(t *testing.T) {
			a := serve(t)
			w := start(t, a.watch(flag, "/dev/full", "--summary"))
			w.waitExit(1)
			require.Contains(t, w.stderr.String(), "/dev/full: no space left on device\n")
			require.NotContains(t, w.stderr.String(), "in /dev/full")
		})
	}
}

// TestReadSocket reads a stream that something else has from an agent, as it comes.
func TestReadSocket(t *testing.T) {
	for name, end := range map[string]func(*testAgent, *process){
		"until the agent stops": func(a *testAgent, _ *process) { a.stop() },
		"until Ctrl-C":          func(_ *testAgent, p *process) { p.signal(syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t)
			conn, err := net.Dial("unix", a.socket)
			require.NoError(t, err)
			defer conn.Close()
			stdin, err := conn.(*net.UnixConn).File()
			require.NoError(t, err)
			defer stdin.Close()

			cmd := program("watch", "--read", "-", "--summary", "--timestamps")
			cmd.Stdin = stdin
			w := start(t, cmd)
			a.waitClients(1)
			for _, text := range []string{"one", "two"} {
				a.send(text)
				w.waitStdout(text)
			}
			end(a, w)
			w.waitExit(0)
			require.Regexp(t, `^20\S+ agent Message: "one"\n20\S+ agent Message: "two"\n$`, w.stdout.String())
			require.Regexp(t, `\n2 .*events in total\n`, w.stderr.String())
		})
	}
}

// TestReadOddly shows how a file that is not whole, or no recording at all, fails.
func TestReadOddly(t *testing.T) {
	whole, err := os.ReadFile(recordingOf(t, message("one"), message("two")))
	require.NoError(t, err)
	one := len(payload.AppendTypeInfo(nil))
	for name, test := range map[string]struct {
		content []byte
		stdout  string
		want    string
	}{
		"cut short":           {whole[:len(whole)-1], "agent Message: \"one\"\n", "is cut short: it ends in the middle of event 2"},
		"cut in the header":   {whole[:one-1], "", "has no whole event: it is cut short, or no recording at all"},
		"empty":               {nil, "", "is empty"},
		"a line of text":      {[]byte("xx drop\n"), "", "has no whole event: it is cut short, or no recording at all"},
		"not a recording":     {[]byte("\nxx drop (Policy denied) and many more lines of text"), "", "is neither a recording nor what an agent sends: not a monitor API 1.2 stream"},
		"two in a row":        {append(bytes.Clone(whole), whole...), twoEvents, "event 3: corrupt message"},
		"garbage in the rest": {append(bytes.Clone(whole), 3, 1, 2, 3), twoEvents, "event 3: corrupt message"},
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, "watch", "--read", fileOf(t, test.content), "--summary")
			p.waitExit(1)
			require.Equal(t, test.stdout, p.stdout.String())
			require.Contains(t, p.stderr.String(), test.want)
			if test.content != nil {
				require.Contains(t, p.stderr.String(), "events in total\nError: /")
			}
		})
	}
}

// TestWriteOfRecording turns a recording into a capture file. Neither has the time or the
// name of the interface.
func TestWriteOfRecording(t *testing.T) {
	file := filepath.Join(t.TempDir(), "packets.pcapng")
	p := run(t, "watch", "--read", recordingOf(t, message("one"), traceOfSYN(1), traceOfSYN(2), traceOfSYN(1)),
		"--interface", "1", "--write", file)
	p.waitExit(0)
	require.Equal(t, 2, strings.Count(p.stdout.String(), " 10.0.0.1:40000 -> 10.0.0.2:80 tcp SYN: ifindex 1, new\n"), "%s", &p.stdout)
	require.Equal(t, "\nWrote 2 packets to "+file+"\n2 of 4 events matched\n", p.stderr.String())

	packets := readPackets(t, file)
	require.Len(t, packets, 2)
	for _, packet := range packets {
		require.Equal(t, "1", packet.iface)
		require.True(t, packet.at.Equal(time.Unix(0, 0)))
		line, _, _ := strings.Cut(packet.comment, ", ") // what it says with -v follows
		require.Contains(t, p.stdout.String(), line+", ")
	}
}

// capturedPacket is a packet of a capture file.
type capturedPacket struct {
	iface    string
	linkType layers.LinkType
	at       time.Time
	comment  string
	data     []byte
}

func readPackets(t *testing.T, path string) (packets []capturedPacket) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	r, err := pcapgo.NewNgReader(file, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	require.NoError(t, err)
	for {
		data, info, options, err := r.ReadPacketDataWithOptions()
		if err == io.EOF {
			return packets
		}
		require.NoError(t, err)
		iface, err := r.Interface(info.InterfaceIndex)
		require.NoError(t, err)
		require.Len(t, options.Comments, 1)
		packets = append(packets, capturedPacket{iface.Name, iface.LinkType, info.Timestamp, options.Comments[0], data})
	}
}

func TestFileFlags(t *testing.T) {
	recording := recordingOf(t, message("one"))
	directory := t.TempDir()
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"no such file":                  {[]string{"--read", directory + "/none"}, exitFailed, []string{"--read: open", "no such file"}},
		"directory":                     {[]string{"--read", directory}, exitFailed, []string{"is a directory"}},
		"write a directory":             {[]string{"--write", directory}, exitFailed, []string{"--write: open", "is a directory"}},
		"record nowhere":                {[]string{"--record", directory + "/no/file"}, exitFailed, []string{"--record: open", "no such file"}},
		"read and record":               {[]string{"--read", recording, "--record", recording}, exitUsage, []string{"--record", "--read"}},
		"read and write":                {[]string{"--read", recording, "--write", recording}, exitUsage, []string{"--write: " + recording + " can be given only once"}},
		"record and write":              {[]string{"--record", directory + "/a", "--write", directory + "/a"}, exitUsage, []string{"can be given only once"}},
		"record, and write a directory": {[]string{"--record", recording, "--write", directory}, exitFailed, []string{"--write: open", "is a directory"}},
		"record, and write nowhere":     {[]string{"--record", recording, "--write", directory + "/no/file"}, exitFailed, []string{"--write: open", "no such file"}},
		"write, and record a directory": {[]string{"--write", recording, "--record", directory}, exitFailed, []string{"--record: open", "is a directory"}},
		"record and write a recording":  {[]string{"--record", recording, "--write", recording}, exitUsage, []string{"can be given only once"}},
		"timestamps":                    {[]string{"--read", recording, "--timestamps"}, exitUsage, []string{"--timestamps: " + recording + " has no times"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, append([]string{"watch"}, test.args...)...).requireFailure(test.code, test.want...)
		})
	}
	p := run(t, "watch", "--read", recording)
	p.waitExit(0)
	require.Equal(t, "agent Message: \"one\"\n", p.stdout.String(), "the recording is still there")
}
