// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// metricsAgent is an agent that serves metrics, and a client of its monitor API.
type metricsAgent struct {
	*agentProcess
	url, address string
	watch        *process
	sent         int
}

func startMetricsAgent(t *testing.T) *metricsAgent {
	t.Helper()
	a := &metricsAgent{agentProcess: startAgent(t, "--metrics-address", "127.0.0.1:0")}
	a.waitStderr("Serving metrics")
	a.url = servedURL.FindStringSubmatch(a.stderr.String())[1]
	parsed, err := url.Parse(a.url)
	require.NoError(t, err)
	a.address = parsed.Host
	a.watch = startMonitor(t, "watch", "--monitor-socket-path", a.socket, "-t", "agent")
	waitUntil(t, func() bool { // it is connected before the agent has accepted it
		_, body := get(t, a.url)
		return strings.Contains(body, "\ncilium_monitor_subscribers{kind=\"client\"} 1\n")
	})
	a.requireServed()
	return a
}

// requireServed requires that the client of the monitor API gets an event, and Prometheus the
// metrics.
func (a *metricsAgent) requireServed() {
	a.t.Helper()
	a.sent++
	message := fmt.Sprintf("message %d", a.sent)
	run(a.t, "shell", "--shell-sock-path", a.shell, "monitor/send", "agent", "'"+message+"'").waitExit(0)
	a.watch.waitStdout(message)
	code, body := get(a.t, a.url)
	require.Equal(a.t, http.StatusOK, code)
	require.Contains(a.t, body, "cilium_monitor_attached")
	require.NotContains(a.t, a.watch.stdout.String(), "lost")
}

// dial connects to the metrics' address until the end of the test, and writes.
func (a *metricsAgent) dial(text string) net.Conn {
	a.t.Helper()
	conn, err := net.Dial("tcp", a.address)
	require.NoError(a.t, err)
	a.t.Cleanup(func() { conn.Close() })
	_, _ = io.WriteString(conn, text) // it may be closed by then
	return conn
}

var residentMemory = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// memory returns the resident memory of the process in bytes.
func (p *process) memory() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	require.NoError(p.t, err)
	kilobytes, err := strconv.Atoi(residentMemory.FindStringSubmatch(string(status))[1])
	require.NoError(p.t, err)
	return kilobytes << 10
}

// TestMetricsStrangers has many connections at a time that do nothing good: none of them touches
// the client, Prometheus, or the memory of the agent.
func TestMetricsStrangers(t *testing.T) {
	const get = "GET /metrics HTTP/1.1\r\nHost: monitor\r\n"
	for name, test := range map[string]struct {
		text   string
		answer bool // wait for the first line of the answer, if it is not closed before
	}{
		"silence":        {"", false},
		"slow headers":   {get + "X-Slow: ", false},
		"no body":        {strings.Replace(get, "GET", "POST", 1) + "Content-Length: 100\r\n\r\n", true},
		"body of GET":    {get + "Content-Length: 1000000000\r\n\r\n", true},
		"chunked body":   {get + "Transfer-Encoding: chunked\r\n\r\nffffff\r\n", true},
		"keep-alive":     {get + "\r\n", true},
		"does not read":  {strings.Repeat(get+"\r\n", 100), false},
		"endless header": {get + "X-Large: " + strings.Repeat("x", 1<<20), false},
	} {
		t.Run(name, func(t *testing.T) {
			a := startMetricsAgent(t)
			before, descriptors := a.memory(), len(a.descriptors())
			for range 1000 {
				conn := a.dial(test.text)
				if test.answer {
					_, _ = bufio.NewReader(conn).ReadString('\n')
				}
			}
			a.requireServed()
			require.Less(t, a.memory(), 4*before) // without the race detector, before is 23 MiB
			waitUntil(t, func() bool { return len(a.descriptors()) <= descriptors+metricsConnections })
			require.NotContains(t, a.stderr.String(), "level=error")
		})
	}
}

// TestMetricsTimeouts waits until the agent has had enough of each.
func TestMetricsTimeouts(t *testing.T) {
	a := startMetricsAgent(t)
	conns := map[string]net.Conn{
		"silence":      a.dial(""),
		"slow headers": a.dial("GET /metrics HTTP/1.1\r\nHost: monitor\r\n"),
		"no body":      a.dial("POST /metrics HTTP/1.1\r\nHost: monitor\r\nContent-Length: 100\r\n\r\n"),
	}
	for name, conn := range conns {
		_, err := io.Copy(io.Discard, conn)
		if err != nil {
			require.ErrorContains(t, err, "reset", name)
		}
	}
	a.requireServed()
}

// TestMetricsMethods shows that nothing but GET is served.
func TestMetricsMethods(t *testing.T) {
	a := startMetricsAgent(t)
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "NONSENSE"} {
		for _, path := range []string{a.url, strings.TrimSuffix(a.url, "metrics")} {
			request, err := http.NewRequest(method, path, strings.NewReader("body"))
			require.NoError(t, err)
			answer, err := http.DefaultTransport.RoundTrip(request)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode, "%s %s", method, path)
			require.Equal(t, "GET", answer.Header.Get("Allow"))
		}
	}
	a.requireServed()
}

// TestMetricsOutOfDescriptors has the agent run out of file descriptors while it is scraped.
func TestMetricsOutOfDescriptors(t *testing.T) {
	a := startMetricsAgent(t)
	restore := a.limitDescriptors(0)
	conn := a.dial("GET /metrics HTTP/1.1\r\nHost: monitor\r\n\r\n")
	a.waitStderr("Accepting connections failed; it is tried again")
	restore()
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\n", line)
	a.requireServed()
	require.Equal(t, 1, strings.Count(a.stderr.String(), "Accepting connections failed"))
}

// TestMetricsOutOfDescriptorsAlone has the agent run out of file descriptors when nobody else
// connects: its health is well again all the same.
func TestMetricsOutOfDescriptorsAlone(t *testing.T) {
	a := startMetricsAgent(t)
	a.exhaustDescriptors("tcp", a.address, "Accepting connections failed; it is tried again")()
	waitUntil(t, func() bool {
		p := run(t, "status", "--shell-sock-path", a.shell)
		return strings.Contains(p.stdout.String(), "Serving metrics at ")
	})
}
