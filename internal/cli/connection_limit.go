// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// connectionLimit closes connections to a server when there are more than limit: first the one on
// which nothing has happened for the longest time, so that who comes is served, whoever sits
// there.
type connectionLimit struct {
	limit int

	mu    sync.Mutex // guards conns
	conns []net.Conn // the one on which something has just happened is the last one
}

// track is for the field ConnState of http.Server.
func (l *connectionLimit) track(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.conns, conn); i >= 0 {
		l.conns = slices.Delete(l.conns, i, i+1)
	} else if state != http.StateNew {
		return // closed here, which its goroutine has not noticed
	}
	if state == http.StateClosed {
		return
	}
	l.conns = append(l.conns, conn)
	if len(l.conns) > l.limit {
		l.conns[0].Close()
		l.conns = slices.Delete(l.conns, 0, 1)
	}
}
