// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// Registrations are for good, so each test has extension versions of its own.

func TestExtension(t *testing.T) {
	const version, length = 200, 12
	for _, l := range layouts {
		if !l.versioned() || l.typ == api.MessageTypeKernelDrop { // which nobody extends
			continue
		}
		t.Run(l.String(), func(t *testing.T) {
			require.NoError(t, api.RegisterExtension(l.typ, version, length), "add it to RegisterExtension in extension.go")
			fields := zero(t, l).Append(nil)
			fields[12], fields[13] = 3, 3 // CapLen 771 in either byte order
			fields[15] = version
			packet := bytes.Repeat([]byte("p"), 771)
			sample := append(append(fields, bytes.Repeat([]byte("e"), length)...), packet...)

			msg := l.zero().(packetMessage)
			require.NoError(t, msg.Decode(sample))
			require.Equal(t, l.length+length, msg.DataOffset())
			data, err := msg.PacketData(append(sample, "garbage"...))
			require.NoError(t, err)
			require.Equal(t, packet, data)
			require.Len(t, msg.Append(nil), l.length+length)

			requireDecodeError(t, msg.Decode(sample[:l.length+length-1]), api.ErrTruncated, api.DecodeError{
				Type: l.typ, Version: l.version, ExtVersion: version, Want: l.length + length, Got: l.length + length - 1,
			})
		})
	}
}

func TestUnregisteredExtension(t *testing.T) {
	for _, l := range layouts {
		if !l.versioned() {
			continue
		}
		sample := zero(t, l).Append(nil)
		sample[15] = 201
		err := l.zero().Decode(sample)
		requireDecodeError(t, err, api.ErrUnknownExtension,
			api.DecodeError{Type: l.typ, Version: l.version, ExtVersion: 201, Got: l.length})
		require.Contains(t, err.Error(), "extension version 201")
	}
}

func TestRegisterExtensionErrors(t *testing.T) {
	require.ErrorContains(t, api.RegisterExtension(api.MessageTypeDebug, 202, 1), "debug samples have no extensions")
	require.ErrorContains(t, api.RegisterExtension(api.MessageTypeKernelDrop, 202, 1), "kernel-drop samples have no extensions")
	require.ErrorContains(t, api.RegisterExtension(-1, 202, 1), "unknown(-1) samples have no extensions")
	require.ErrorContains(t, api.RegisterExtension(api.MessageTypeDrop, 0, 1), "version 0 means no extension")
	require.ErrorContains(t, api.RegisterExtension(api.MessageTypeDrop, 202, -1), "length -1 is not in 0-65535")
	require.ErrorContains(t, api.RegisterExtension(api.MessageTypeDrop, 202, 65536), "length 65536 is not in 0-65535")
	require.NoError(t, api.RegisterExtension(api.MessageTypeDrop, 202, 0))
	require.NoError(t, api.RegisterExtension(api.MessageTypeDrop, 202, 0), "the same again")
	require.ErrorContains(t, api.RegisterExtension(api.MessageTypeDrop, 202, 4), "already registered with length 0")
}

func TestRegisterExtensionConcurrently(t *testing.T) {
	sample := (&api.TraceNotify{Type: api.MessageTypeTrace, ExtVersion: 203}).Append(nil)
	sample = append(sample, make([]byte, 8)...)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				var n api.TraceNotify
				if err := n.Decode(sample); err != nil {
					assert.ErrorIs(t, err, api.ErrUnknownExtension)
				}
			}
			assert.NoError(t, api.RegisterExtension(api.MessageTypeTrace, 203, 8))
		})
	}
	wg.Wait()
	var n api.TraceNotify
	require.NoError(t, n.Decode(sample))
}
