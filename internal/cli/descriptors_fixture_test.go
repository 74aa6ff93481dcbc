// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// descriptors returns the file descriptors of the process.
func (p *process) descriptors() map[int]bool {
	p.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Process.Pid))
	require.NoError(p.t, err)
	open := map[int]bool{}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		require.NoError(p.t, err)
		open[fd] = true
	}
	return open
}

// limitDescriptors lets the process have so many more descriptors than it has, until restore is
// called.
func (p *process) limitDescriptors(more int) (restore func()) {
	p.t.Helper()
	limit := 0 // it keeps those it has
	for open := p.descriptors(); more > 0; limit++ {
		if !open[limit] {
			more--
		}
	}
	var old unix.Rlimit
	require.NoError(p.t, unix.Prlimit(p.Process.Pid, unix.RLIMIT_NOFILE, nil, &old))
	set := func(current uint64) {
		p.t.Helper()
		limits := unix.Rlimit{Cur: current, Max: old.Max}
		require.NoError(p.t, unix.Prlimit(p.Process.Pid, unix.RLIMIT_NOFILE, &limits, nil))
	}
	set(uint64(limit))
	return func() { p.t.Helper(); set(old.Cur) }
}

// exhaustDescriptors has the process take its last descriptors for connections to an address, until
// it says what it says then. Between two of them it can have others open for a moment.
func (p *process) exhaustDescriptors(network, address, says string) (restore func()) {
	p.t.Helper()
	restore = p.limitDescriptors(1)
	waitUntil(p.t, func() bool {
		conn, err := net.Dial(network, address)
		require.NoError(p.t, err)
		p.t.Cleanup(func() { conn.Close() })
		return strings.Contains(p.stderr.String(), says)
	})
	return restore
}
