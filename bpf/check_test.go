// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckPrograms(t *testing.T) {
	require.NoError(t, CheckPrograms())
}

// TestCheckTCX holds the check against what attaching does.
func TestCheckTCX(t *testing.T) {
	objects := loadAll(t)
	ns := newNamespace(t)
	ns.Do(func() error {
		a, err := attachTCX(device{name: "lo", index: loIndex}, objects.FromNetwork, objects.ToNetwork)
		if errors.Is(err, ebpf.ErrNotSupported) {
			assert.ErrorIs(t, CheckTCX(), ebpf.ErrNotSupported)
			return nil
		}
		if err != nil {
			return err
		}
		assert.NoError(t, CheckTCX())
		return a.detach()
	})
}

func TestCheckClsact(t *testing.T) {
	ns := newNamespace(t)
	ns.Do(func() error {
		assert.NoError(t, CheckClsact())
		return nil
	})
	require.False(t, ns.hasClsact(), "it is not tried in this namespace")
}
