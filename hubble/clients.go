// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// client is whom limits take for one, however many connections they have: a user of this node, who has a certificate, or else who
// has an address.
type client string

// errNoConn is the error of a request that came by none of a limitedListener's connections.
var errNoConn = status.Error(codes.Internal, "the connection of the request is not known")

// clientOf returns who sent a request.
func clientOf(ctx context.Context) (client, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", errNoConn
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.PeerCertificates) > 0 {
		sum := sha256.Sum256(info.State.PeerCertificates[0].Raw)
		return client("certificate " + hex.EncodeToString(sum[:])), nil
	}
	addr, ok := p.Addr.(connAddr)
	if !ok {
		return "", errNoConn
	}
	return addr.client, nil
}

// clientAt returns who is at the other end of a connection, as far as that is known before they say anything.
func clientAt(conn net.Conn) (client, error) {
	if local, ok := conn.(*net.UnixConn); ok {
		uid, err := userAt(local)
		if err != nil {
			return "", fmt.Errorf("see who connected: %w", err)
		}
		return client(fmt.Sprint("uid ", uid)), nil
	}
	address, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return "", fmt.Errorf("see who connected: %w", err)
	}
	return client("address " + neighbourhood(address.Addr()).String()), nil
}

func userAt(conn *net.UnixConn) (uid uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	if controlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); controlErr != nil {
		return 0, controlErr
	}
	if err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// neighbourhood returns the addresses that one has who has an address: that one of IPv4, a network of 64 bits of IPv6.
func neighbourhood(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(ip, bits).Masked()
}
