// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
)

// countedHandshakes tells of handshakes that fail.
type countedHandshakes struct {
	credentials.TransportCredentials
	failed func(net.Conn, error)
}

// ServerHandshake implements credentials.TransportCredentials.
func (c countedHandshakes) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := c.TransportCredentials.ServerHandshake(conn)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) { // who only sees whether somebody listens says nothing
		c.failed(conn, err)
	}
	return secured, info, err
}

// Clone implements credentials.TransportCredentials.
func (c countedHandshakes) Clone() credentials.TransportCredentials {
	return countedHandshakes{c.TransportCredentials.Clone(), c.failed}
}
