// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/binary"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/testutils"
)

// emitter returns an agent that reads real events, and what emits them.
func emitter(t *testing.T) (*testAgent, *testutils.Generator) {
	requireRoot(t)
	g, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	a := serve(t, agent.WithDrainTimeout(testTimeout))
	require.NoError(t, a.AttachToMap("generator", g.Map(), 8))
	t.Cleanup(a.stop) // before the generator is closed
	return a, g
}

// TestTsharkReadsPipe pipes the packets into tshark, which shows each as it comes, and ends the watch when it
// has enough.
func TestTsharkReadsPipe(t *testing.T) {
	a, g := emitter(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cmd := a.watch("--write", "-")
	cmd.Stdout = w
	watch := a.start(cmd)
	w.Close()
	tshark := exec.Command("tshark", "-n", "-l", "-i", "-", "-c", "3", "-T", "fields",
		"-e", "frame.number", "-e", "frame.interface_name", "-e", "udp.dstport", "-e", "frame.comment")
	tshark.Stdin = r
	tshark.Env = append(os.Environ(), "HOME="+t.TempDir())
	shark := start(t, tshark)
	r.Close()
	for _, number := range []string{"1", "2", "3"} {
		require.NoError(t, g.EmitTrace(1))
		shark.waitStdout("\n"[:min(1, len(shark.stdout.String()))] + number + "\tlo\t4242\tout  10.0.0.1:40000 -> 10.0.0.2:4242 udp")
	}
	shark.waitExit(0)
	watch.waitExit(0)
	require.Equal(t, 1, strings.Count(watch.stderr.String(), "\n"), "nothing but the connection: %s", &watch.stderr)
}

// TestRecordingElsewhere reads a recording in another network namespace, where the numbers of interfaces
// mean others, and turns it into a capture file.
func TestRecordingElsewhere(t *testing.T) {
	a, g := emitter(t)
	directory := t.TempDir()
	file, packets := filepath.Join(directory, "events"), filepath.Join(directory, "packets.pcapng")
	before := time.Now()
	w := a.startWatch("--record", file, "--count", "1")
	require.NoError(t, g.EmitTrace(1))
	w.waitExit(0)
	require.Contains(t, w.stdout.String(), ": lo\n")
	after := time.Now()

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), `"1":"lo"`)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(content), `"1":"lo"`, `"1":"xx"`, 1)), 0o600))
	p := run(t, "watch", "--read", file, "--interface", "xx", "--timestamps", "--write", packets)
	p.waitExit(0)
	stamp, line, _ := strings.Cut(p.stdout.String(), " ")
	require.Contains(t, line, ": xx")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	require.NoError(t, err)
	require.WithinRange(t, at, before.Truncate(time.Microsecond), after)
	captured := readPackets(t, packets)
	require.Len(t, captured, 1)
	require.Equal(t, "xx", captured[0].iface)
	require.Equal(t, stamp, captured[0].at.Local().Format("2006-01-02T15:04:05.000000Z07:00"))
}

// TestRecordingsVocabulary prints a recording with the words of its own agent.
func TestRecordingsVocabulary(t *testing.T) {
	var file strings.Builder
	names := recording.Vocabulary()
	names.Node = "node\x1b[2J"
	names.DropReasons[220] = "Out of luck"
	names.DropReasons[133] = "The policy says no"
	names.SourceFiles[200] = "own.c"
	names.MessageTypes[99] = "flow-log"
	names.MessageTypes[100] = "No Name"
	w, err := recording.NewWriter(&file, names)
	require.NoError(t, err)
	for _, reason := range []uint8{220, 133} {
		drop := api.DropNotify{Type: api.MessageTypeDrop, SubType: reason, File: 200, Line: 7}
		require.NoError(t, w.Write(time.Now(), &payload.Payload{Type: payload.EventSample, Data: drop.Append(nil)}))
	}
	require.NoError(t, w.Write(time.Now(), &payload.Payload{Type: payload.EventSample, Data: []byte{99, 1, 2}}))
	require.NoError(t, w.Flush())

	p := run(t, "watch", "--read", fileOf(t, []byte(file.String())))
	p.waitExit(0)
	require.Equal(t, "DROP [unknown]: Out of luck\nDROP [unknown]: The policy says no\n"+
		"ERR  cannot decode flow-log sample, version 0: unknown message type: got 3 bytes\n", p.stdout.String())
	require.Regexp(t, `^Some names of the recording can't be used: .*"No Name".*\nRecorded on node\\u001b\[2J from `, p.stderr.String())
}

// TestRecordsRename records a rename of an interface, between the events before and after it.
func TestRecordsRename(t *testing.T) {
	var file strings.Builder
	w, err := recording.NewWriter(&file, recording.Names{Interfaces: map[uint32]string{7: "old"}})
	require.NoError(t, err)
	for _, name := range []string{"old", "new"} {
		require.NoError(t, w.NameInterface(7, name))
		require.NoError(t, w.Write(time.Now(), &payload.Payload{Type: payload.EventSample, Data: traceOfSYN(7)}))
	}
	require.NoError(t, w.Flush())
	p := run(t, "watch", "--read", fileOf(t, []byte(file.String())))
	p.waitExit(0)
	require.Regexp(t, `^.*: old, new\n.*: new, new\n$`, p.stdout.String())
}

// TestReadOtherByteOrder refuses what a machine of the other byte order recorded, and says so.
func TestReadOtherByteOrder(t *testing.T) {
	sample := traceOfSYN(1)
	for _, field := range []struct{ from, size int }{{8, 4}, {12, 2}, {28, 4}} {
		b := sample[field.from:]
		if field.size == 4 {
			binary.NativeEndian.PutUint32(b, bits.ReverseBytes32(binary.NativeEndian.Uint32(b)))
		} else {
			binary.NativeEndian.PutUint16(b, bits.ReverseBytes16(binary.NativeEndian.Uint16(b)))
		}
	}
	p := run(t, "watch", "--read", recordingOf(t, message("one"), sample))
	p.waitExit(exitFailed)
	require.Equal(t, "agent Message: \"one\"\n", p.stdout.String())
	require.Regexp(t, `^Error: \S+ was recorded on a machine of the other byte order: its events are (big|little)-endian, this machine is (big|little)-endian; .*\n$`, p.stderr.String())
}

// TestRotateRecording cuts a recording into files of which each can be read by itself, and joins them again.
func TestRotateRecording(t *testing.T) {
	a := serve(t)
	directory := t.TempDir()
	file := filepath.Join(directory, "events.rec")
	w := a.startWatch("--record", file, "--rotate-size", "100", "--rotate-keep", "3")
	for _, text := range []string{"1", "2", "3", "4", "5", "6"} {
		a.send(text)
		w.waitStdout(`"` + text + `"`)
	}
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	require.Contains(t, w.stderr.String(), "Recorded 6 events in "+file+" and 5 more, "+directory+"/events-TIME.rec, of which the latest 3 are kept\n")

	full, err := filepath.Glob(filepath.Join(directory, "events-*.rec"))
	require.NoError(t, err)
	require.Len(t, full, 3)
	var joined []byte
	for i, name := range append(full, file) {
		p := run(t, "watch", "--read", name)
		p.waitExit(0)
		require.Equal(t, "agent Message: \""+string(rune('3'+i))+"\"\n", p.stdout.String())
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		joined = append(joined, content...)
	}
	p := run(t, "watch", "--read", fileOf(t, joined))
	p.waitExit(0)
	require.Equal(t, 4, strings.Count(p.stdout.String(), "\n"))
}

// TestRotateWithoutFile removes the file that is being written, which does not end the watch.
func TestRotateWithoutFile(t *testing.T) {
	a := serve(t)
	directory := t.TempDir()
	file := filepath.Join(directory, "events.rec")
	w := a.startWatch("--record", file, "--rotate-size", "1")
	a.send("1")
	w.waitStdout(`"1"`)
	require.NoError(t, os.Remove(file))
	for _, text := range []string{"2", "3"} {
		a.send(text)
		w.waitStdout(`"` + text + `"`)
	}
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	full, err := filepath.Glob(filepath.Join(directory, "events-*.rec"))
	require.NoError(t, err)
	require.Len(t, full, 1)
	for i, name := range append(full, file) {
		p := run(t, "watch", "--read", name)
		p.waitExit(0)
		require.Equal(t, "agent Message: \""+string(rune('2'+i))+"\"\n", p.stdout.String())
	}
}

// TestRotateByAge begins another file when the events of one span so much time.
func TestRotateByAge(t *testing.T) {
	var file strings.Builder
	w, err := recording.NewWriter(&file, recording.Names{})
	require.NoError(t, err)
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, minute := range []time.Duration{0, 59, 60, 61, 119, 300} {
		require.NoError(t, w.Write(begin.Add(minute*time.Minute), &payload.Payload{Type: payload.EventSample, Data: traceOfSYN(1)}))
	}
	require.NoError(t, w.Flush())
	directory := t.TempDir()
	other := filepath.Join(directory, "packets-notes.pcapng")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	run(t, "watch", "--read", fileOf(t, []byte(file.String())), "--write", filepath.Join(directory, "packets.pcapng"),
		"--rotate-every", "1h", "--rotate-keep", "5").waitExit(0)
	for name, packets := range map[string]int{
		"packets-20260102T040405.000Z.pcapng": 2,
		"packets-20260102T080405.000Z.pcapng": 3,
		"packets.pcapng":                      1,
	} {
		require.Len(t, readPackets(t, filepath.Join(directory, name)), packets, name)
	}
	require.FileExists(t, other)
}

// TestStdoutIsTerminal does not write to a terminal what that can't show.
func TestStdoutIsTerminal(t *testing.T) {
	for _, flag := range []string{"--write", "--record"} {
		cmd := program("watch", "--read", recordingOf(t, message("one")), "--write", "-")
		if flag == "--record" {
			cmd = program("watch", "--record", "-")
		}
		cmd.Stdout = stoppedTerminal(t)
		p := start(t, cmd)
		p.waitExit(exitUsage)
		require.Contains(t, p.stderr.String(), flag+": stdout is a terminal")
	}
}

// TestWatchInterruptedWhileWaiting stops a watch that waits for an agent, which says that it saw none.
func TestWatchInterruptedWhileWaiting(t *testing.T) {
	socket := testutils.SocketPath(t)
	w := startMonitor(t, "watch", "--monitor-socket-path", socket, "--count", "1")
	w.waitStderr("No agent serves " + socket + " yet: waiting, Ctrl-C stops\n(another socket: --monitor-socket-path; without an agent: monitor drops)\n")
	w.signal(syscall.SIGINT)
	w.waitExit(exitNoAgent)

	w = startMonitor(t, "watch", "--monitor-socket-path", socket, "--count", "1")
	w.waitStderr("No agent serves")
	a := serveAt(t, socket)
	a.waitClients(1)
	a.send("one")
	w.waitExit(0)
	require.Equal(t, "agent Message: \"one\"\n", w.stdout.String())
}
