// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
)

// python runs testdata/client.py with a request, and returns what the client asked for and printed. answer is
// what the agent writes.
func python(t *testing.T, request string, answer []byte) (got *session.Request, lines []string, exit error) {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3: runs a client in Python")
	}
	path := filepath.Join(t.TempDir(), "monitor1_3.sock")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer l.Close()

	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(t.Context(), interpreter, "testdata/client.py", "--request", request, path)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	require.NoError(t, cmd.Start())
	exited := make(chan error, 1)
	go func() {
		exited <- cmd.Wait()
		l.Close() // it need not connect
	}()
	conn, err := l.Accept()
	require.NoError(t, err)
	defer conn.Close()
	got, err = session.ReadRequest(conn)
	require.NoError(t, err)
	_, err = conn.Write(answer)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	exit = <-exited
	require.Empty(t, errOut.String())
	return got, strings.Split(strings.TrimSpace(out.String()), "\n"), exit
}

// TestPython has a client that was written from the documentation read all kinds of frames.
func TestPython(t *testing.T) {
	const at = 1782907200123456789
	answer := appended(session.AppendGreeting(nil, &session.Greeting{
		Version: "1.3", ByteOrder: recording.LittleEndian, Time: at, Applies: session.Applies{Types: true},
		History: &session.History{Types: []int{1}, Oldest: at - 1}, Dictionary: dictionary(),
	}))
	answer = session.AppendEvent(answer, at, 3, []byte{1, 2, 255})
	answer = session.AppendLoss(answer, session.Loss{Time: at + 1, Count: 1<<64 - 1, CPU: 2, Cause: session.LostInKernel})
	answer = session.AppendLoss(answer, session.Loss{Time: -1, CPU: payload.CPULostByReader, Cause: session.LostByRateLimit, Type: 4, AtLeast: true})
	answer = session.AppendLive(appendFrame(answer, 99, "of a newer version"))
	changes := session.Dictionary{
		Names:     recording.Names{Interfaces: map[uint32]string{1: "", 3: "eth1"}, MessageTypes: map[uint8]string{4: "trace"}},
		DenyRules: []string{},
	}
	answer = appended(session.AppendDictionary(answer, &changes))
	answer = session.AppendSkipped(answer, 7)
	answer = session.AppendEvent(answer, at+2, 0, []byte{4})
	answer = session.AppendEvent(answer, at+3, 0, []byte{77})
	answer = session.AppendEnd(answer)

	got, lines, exit := python(t, fullRequestJSON, answer)
	require.NoError(t, exit)
	require.Equal(t, &fullRequest, got)
	require.Equal(t, []string{
		`{"greeting": {"version": "1.3", "byteOrder": "little", "time": 1782907200123456789, "applies": {"types": true}, ` +
			`"history": {"types": [1], "oldest": 1782907200123456788}, "dictionary": {"node": "node-a", "interfaces": {"1": "lo", "2": "eth0"}, ` +
			`"messageTypes": {"1": "drop", "200": "mine"}, "dropReasons": {"133": "Policy denied"}, "sourceFiles": {"1": "bpf_host.c"}, ` +
			`"alternativeNames": {"2": ["enp3s0", "lan"]}, "denyRules": ["tcp/80", "@10.0.0.0/8"]}}}`,
		`{"time": 1782907200123456789, "cpu": 3, "type": "drop", "data": "0102ff"}`,
		`{"time": 1782907200123456790, "lost": 18446744073709551615, "cpu": 2, "cause": "kernel"}`,
		`{"time": -1, "lost": 0, "cpu": -1, "cause": "rate-limit", "atLeast": true, "type": 4}`,
		`{"live": true}`,
		`{"dictionary": {"node": "node-a", "interfaces": {"2": "eth0", "3": "eth1"}, "messageTypes": {"1": "drop", "200": "mine", "4": "trace"}, ` +
			`"dropReasons": {"133": "Policy denied"}, "sourceFiles": {"1": "bpf_host.c"}, "alternativeNames": {"2": ["enp3s0", "lan"]}, "denyRules": []}}`,
		`{"skipped": 7}`,
		`{"time": 1782907200123456791, "cpu": 0, "type": "trace", "data": "04"}`,
		`{"time": 1782907200123456792, "cpu": 0, "type": 77, "data": "4d"}`,
		`{"end": true}`,
	}, lines)
}

// TestPythonRefused refuses a client's request.
func TestPythonRefused(t *testing.T) {
	refusal := session.Refusal{Code: session.CodeBusy, Text: "it has 2 clients", Temporary: true}
	got, lines, exit := python(t, "{}", appended(session.AppendRefusal(nil, &refusal)))
	require.EqualError(t, exit, "exit status 1")
	require.Equal(t, &session.Request{Version: "1.3", Client: "client.py"}, got)
	require.Equal(t, []string{`{"refusal": {"code": "busy", "text": "it has 2 clients", "temporary": true}}`}, lines)
}
