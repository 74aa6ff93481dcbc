// SPDX-License-Identifier: Apache-2.0

package agent

import "github.com/cilium/monitor/internal/unixsocket"

// CheckSocket returns an error if a process listens at path, if that can't be seen, if what is
// there is no socket, or if there can't be a socket of that name. It returns nil if nothing is
// there or a process has left its socket behind. Who listens does not notice.
func CheckSocket(path string) error { return unixsocket.Check(path) }
