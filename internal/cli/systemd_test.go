// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/testutils"
)

// TestNotify plays systemd: with a socket that has a path, and with an abstract one.
func TestNotify(t *testing.T) {
	path := testutils.SocketPath(t)
	for name, address := range map[string]string{"path": path, "abstract": "@" + path} {
		t.Run(name, func(t *testing.T) {
			systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
			require.NoError(t, err)
			defer systemd.Close()
			require.NoError(t, systemd.SetReadDeadline(time.Now().Add(testTimeout)))
			state := func() string {
				b := make([]byte, 100)
				n, err := systemd.Read(b)
				require.NoError(t, err)
				return string(b[:n])
			}

			a := newAgentPaths(t)
			cmd := program(append(a.args(), "--device", "lo")...)
			cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+address)
			p := start(t, cmd)
			require.Equal(t, "READY=1", state())
			c, err := client.Dial(t.Context(), a.socket)
			require.NoError(t, err, "it is ready")
			require.NoError(t, c.Close())
			require.FileExists(t, a.eventsMap)

			p.signal(syscall.SIGTERM)
			require.Equal(t, "STOPPING=1", state())
			p.waitExit(0)
			require.NotContains(t, p.stderr.String(), "systemd")
		})
	}
}

// TestNotifyFails has nobody listen where systemd should.
func TestNotifyFails(t *testing.T) {
	a := newAgentPaths(t)
	cmd := program(a.args()...)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+filepath.Join(t.TempDir(), "nobody"))
	p := start(t, cmd)
	p.waitStderr(`level=warning msg="Telling systemd failed"`)
	p.signal(syscall.SIGTERM)
	p.waitExit(0)
}
