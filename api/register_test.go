// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"math"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

func TestRegisterMessageType(t *testing.T) {
	for _, typ := range []int{8, 128, 131, 255} {
		name := "own-" + strconv.Itoa(typ)
		unregister, err := api.RegisterMessageType(typ, name)
		require.NoError(t, err)
		require.Equal(t, name, api.MessageTypeName(typ))
		require.Contains(t, api.MessageTypeNames(), name)
		got, err := api.ParseMessageType(name)
		require.NoError(t, err)
		require.Equal(t, typ, got)
		got, err = api.MessageType([]byte{byte(typ)})
		require.NoError(t, err)
		require.Equal(t, typ, got)
		var ev api.Event
		require.NoError(t, ev.Decode([]byte{byte(typ)}))
		require.Equal(t, typ, ev.Type)

		unregister()
		require.Equal(t, "unknown("+strconv.Itoa(typ)+")", api.MessageTypeName(typ))
		_, err = api.MessageType([]byte{byte(typ)})
		require.ErrorIs(t, err, api.ErrUnknownType)
	}
}

func TestRegisterMessageTypeErrors(t *testing.T) {
	unregister, err := api.RegisterMessageType(101, "own")
	require.NoError(t, err)
	defer unregister()
	for _, c := range []struct {
		typ  int
		name string
	}{{1, "x"}, {6, "x"}, {7, "trace-sock"}, {129, "l7"}, {130, "x"}, {100, "x"}, {9, "own"}, {9, "drop"}} {
		_, err := api.RegisterMessageType(c.typ, c.name)
		require.ErrorIs(t, err, api.ErrRegistered, "%+v", c)
	}
	for _, c := range []struct {
		typ  int
		name string
	}{{0, "x"}, {-1, "x"}, {256, "x"}, {9, ""}, {9, "X"}, {9, "a b"}, {9, "a,b"}, {9, "9"}, {9, "lost"}, {9, "error"}} {
		_, err := api.RegisterMessageType(c.typ, c.name)
		require.Error(t, err, "%+v", c)
		require.NotErrorIs(t, err, api.ErrRegistered)
	}
	require.Equal(t, "own", api.MessageTypeName(101))
}

// TestRegisterNames registers names of drop reasons and source files over those that are built
// in, and beside them.
func TestRegisterNames(t *testing.T) {
	for name, c := range map[string]struct {
		register func(uint8, string) (func(), error)
		get      func(uint8) string
		builtin  map[uint8]string
	}{
		"drop reason": {api.RegisterDropReason, api.DropReason, map[uint8]string{8: "LB, sock cgroup: Reverse entry stale", 255: "255, 0"}},
		"source file": {api.RegisterSourceFile, api.DropFile, map[uint8]string{2: "bpf_lxc.c", 255: "unknown(255)"}},
	} {
		t.Run(name, func(t *testing.T) {
			for number, builtin := range c.builtin {
				require.Equal(t, builtin, c.get(number))
				first, err := c.register(number, "mine")
				require.NoError(t, err)
				second, err := c.register(number, "mine")
				require.NoError(t, err)
				_, err = c.register(number, "another's")
				require.ErrorIs(t, err, api.ErrRegistered)
				require.ErrorContains(t, err, "register "+name)
				first()
				first()
				require.Equal(t, "mine", c.get(number))
				second()
				require.Equal(t, builtin, c.get(number))
				first()
				second()
				third, err := c.register(number, "another's")
				require.NoError(t, err)
				require.Equal(t, "another's", c.get(number))
				third()
			}
			for _, bad := range []string{"", " x", "x ", "two\nlines", "\x1b[2J", "\xff"} {
				_, err := c.register(1, bad)
				require.Error(t, err, "%q", bad)
			}
		})
	}
	_, err := api.RegisterDropReason(1, "17")
	require.ErrorContains(t, err, `"17" is a number`)
}

func TestRegisteredDropReason(t *testing.T) {
	unregister, err := api.RegisterDropReason(8, "Policy denied")
	require.NoError(t, err)
	codes, err := api.ParseDropReason("policy DENIED")
	require.NoError(t, err)
	require.Equal(t, []uint8{8, 133}, codes)
	require.Equal(t, "Policy denied, 3", api.DropReasonExt(8, 3))
	unregister()
	codes, err = api.ParseDropReason("policy denied")
	require.NoError(t, err)
	require.Equal(t, []uint8{133}, codes)
}

func TestRegisterConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				unregister, err := api.RegisterMessageType(101, "own")
				if assert.NoError(t, err) {
					assert.Equal(t, "own", api.MessageTypeName(101))
					unregister()
				}
				api.MessageTypeNames()
			}
		})
	}
	wg.Wait()
	require.Equal(t, "unknown(101)", api.MessageTypeName(101))
}

func TestCaptureHeader(t *testing.T) {
	want := api.CaptureHeader{
		Type: 8, SubType: 2, Source: 3, Hash: 4, OrigLen: math.MaxUint32, CapLen: 6, Version: 7, ExtVersion: 9,
	}
	sample := want.Append([]byte("before"))[len("before"):]
	require.Len(t, sample, api.CaptureHeaderLen)
	var got api.CaptureHeader
	require.NoError(t, got.Decode(append(sample, "packet"...)))
	require.Equal(t, want, got)

	n := api.TraceNotify{Type: api.MessageTypeTrace, ObsPoint: 2, Source: 3, Hash: 4, OrigLen: 5, CapLen: 6, Version: 2, ExtVersion: 9}
	require.NoError(t, got.Decode(n.Append(nil)))
	require.Equal(t, api.CaptureHeader{Type: 4, SubType: 2, Source: 3, Hash: 4, OrigLen: 5, CapLen: 6, Version: 2, ExtVersion: 9}, got)

	for n := range api.CaptureHeaderLen {
		typ := min(n, 1) * 8
		requireDecodeError(t, got.Decode(sample[:n]), api.ErrTruncated, api.DecodeError{Type: typ, Want: api.CaptureHeaderLen, Got: n})
	}
}
