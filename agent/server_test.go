// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/gob"
	"encoding/hex"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// TestGoldenStream pins the bytes that a client reads.
func TestGoldenStream(t *testing.T) {
	f := attached(t)
	conn := f.dial(t)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hi")))
	f.stop()
	stream, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t,
		"377f030101075061796c6f616401ff80000104010444617461010a000103435055010400"+"01044c6f7374010600"+"01045479706501040000"+"00"+
			"42ff80"+"0139"+
			"82"+"2bff810301010b4167656e744e6f7469667901ff8200010201045479706501060001045465787401"+"0c000000"+
			"0bff82"+"0101"+"01042268692200"+
			"0100"+"0212"+"00",
		hex.EncodeToString(stream))
}

// TestPlainGobClient reads real events as a client does that knows nothing but
// encoding/gob and the shape of a payload.
func TestPlainGobClient(t *testing.T) {
	f := attached(t)
	conn := f.dial(t)
	sample := []byte{api.MessageTypeDebug, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	require.NoError(t, f.gen.EmitSample(sample, 3))
	dec := gob.NewDecoder(conn)
	for range 3 {
		var pl struct {
			Data []byte
			CPU  int
			Lost uint64
			Type int
		}
		require.NoError(t, dec.Decode(&pl))
		require.Equal(t, 9, pl.Type)
		require.Equal(t, sample, pl.Data[:len(sample)])
		require.Less(t, len(pl.Data), len(sample)+8)
		require.Zero(t, pl.Lost)
	}
}

// TestSocket checks what is at the socket's path before, while and after it is served.
func TestSocket(t *testing.T) {
	serve := func(t *testing.T, path string) (stop func(), err error) {
		ctx, cancel := context.WithCancel(context.Background())
		a := agent.NewAgent(ctx)
		stop = func() {
			cancel()
			<-a.Done()
		}
		t.Cleanup(stop)
		return stop, agent.ServeMonitorAPI(a, agent.WithSocketPath(path))
	}

	t.Run("mode and owner", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "made", "on the way", "monitor.sock")
		stop, err := serve(t, path)
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.ModeSocket|0o660, info.Mode())
		gid := os.Getgid()
		if group, err := user.LookupGroup("cilium"); err == nil {
			gid, err = strconv.Atoi(group.Gid)
			require.NoError(t, err)
		}
		require.EqualValues(t, gid, info.Sys().(*syscall.Stat_t).Gid)
		stop()
		require.NoFileExists(t, path)
	})
	t.Run("left behind", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "monitor.sock")
		l, err := net.Listen("unix", path)
		require.NoError(t, err)
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		require.NoError(t, l.Close())
		_, err = serve(t, path)
		require.NoError(t, err)
	})
	t.Run("served by another", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "monitor.sock")
		_, err := serve(t, path)
		require.NoError(t, err)
		_, err = serve(t, path)
		require.ErrorContains(t, err, "another process serves it")
		require.FileExists(t, path)
	})
	t.Run("not a socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "precious")
		require.NoError(t, os.WriteFile(path, []byte("data"), 0o600))
		_, err := serve(t, path)
		require.ErrorContains(t, err, "not a socket")
		require.FileExists(t, path)
	})
	t.Run("replaced by another", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "monitor.sock")
		stop, err := serve(t, path)
		require.NoError(t, err)
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		stop()
		require.FileExists(t, path, "what another put there is not removed")
	})
	t.Run("too long", func(t *testing.T) {
		_, err := serve(t, filepath.Join(t.TempDir(), string(make([]byte, 200))))
		require.Error(t, err)
	})
}

// TestTwoSockets serves one agent twice.
func TestTwoSockets(t *testing.T) {
	f := attached(t)
	first := f.connect(t)
	f.socket += "2"
	require.NoError(t, agent.ServeMonitorAPI(f.Agent, agent.WithSocketPath(f.socket)))
	second := f.connect(t)
	require.NoError(t, f.gen.EmitTrace(100))
	for _, c := range []*client{first, second} {
		eventually(t, func() bool { return c.delivered() == 100 }, "all is delivered")
	}
}

// TestManyConnections connects and disconnects during traffic, and leaves nothing behind.
func TestManyConnections(t *testing.T) {
	f := attached(t)
	steady := f.connect(t)
	for range 100 {
		conn, err := net.Dial("unix", f.socket)
		require.NoError(t, err)
		require.NoError(t, f.gen.EmitTrace(50))
		require.NoError(t, conn.Close())
	}
	eventually(t, func() bool { return len(f.Stats().Clients) == 1 }, "the others are gone")
	eventually(t, func() bool { return steady.total() == f.emitted(t) }, "all is delivered")
}
