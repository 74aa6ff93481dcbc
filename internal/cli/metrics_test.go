// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// servedURL is where an agent says that it serves metrics.
var servedURL = regexp.MustCompile(`msg="Serving metrics" url="(http://[^"]+)"`)

func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	http.DefaultClient.CloseIdleConnections()
	return answer.StatusCode, string(text)
}

// TestMetrics scrapes an agent as Prometheus does.
func TestMetrics(t *testing.T) {
	a := startAgent(t, "--metrics-address", "127.0.0.1:0")
	startMonitor(t, "watch", "--monitor-socket-path", a.socket)
	a.waitStderr("Serving metrics")
	url := servedURL.FindStringSubmatch(a.stderr.String())[1]

	// A client is connected before the agent has accepted it.
	var body string
	waitUntil(t, func() bool {
		_, body = get(t, url)
		return strings.Contains(body, "\ncilium_monitor_subscribers{kind=\"client\"} 1\n")
	})
	require.Regexp(t, `(?m)^cilium_monitor_attached 0$`, body)
	require.Regexp(t, `(?m)^go_goroutines \d+$`, body)
	require.Regexp(t, `(?m)^process_resident_memory_bytes `, body)
	code, _ := get(t, url[:len(url)-len("metrics")]+"other")
	require.Equal(t, http.StatusNotFound, code)

	p := run(t, "status", "--shell-sock-path", a.shell)
	require.Regexp(t, `(?m)^metrics +OK +Serving metrics at `+url+`$`, p.stdout.String())
}

// TestMetricsAddressTaken can't serve metrics where another program listens.
func TestMetricsAddressTaken(t *testing.T) {
	requireRoot(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	address := l.Addr().String()
	p := run(t, "agent", "--enable-monitor=false", "--shell-sock-path=", "--metrics-address", address)
	p.requireFailure(exitFailed, "--metrics-address="+address, "address already in use")
}
