// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
)

// Ports of the traffic.
const (
	portTCP    = "8080"
	portUDP    = "5300"
	portDenied = "9999"
	portVXLAN  = "8472"
	portGeneve = "6081"
)

// traffic has a client talk to a server in each way that the test knows, and returns when
// everything has arrived where it should.
func traffic(t *testing.T, client, server *namespace) {
	t.Helper()
	handshake(t, client, server, serverIPv4)
	query(t, client, server, serverIPv4)
	query(t, client, server, serverIP6)
	ping(t, client, "ip4:icmp", serverIPv4, layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), layers.ICMPv4TypeEchoReply)
	ping(t, client, "ip6:ipv6-icmp", serverIP6, layers.ICMPv4TypeCode(layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)), layers.ICMPv6TypeEchoReply)
	sendDenied(t, client, server)
	tunnel(t, client, server, portVXLAN, []byte{8, 0, 0, 0, 0, 0, 42, 0}, innerSYN(t))
	tunnel(t, client, server, portGeneve, []byte{0, 0, 0x65, 0x58, 0, 0, 42, 0}, innerSYN(t))
}

// handshake opens and closes a TCP connection.
func handshake(t *testing.T, client, server *namespace, ip string) {
	t.Helper()
	var listener net.Listener
	server.Do(func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(ip, portTCP))
		return err
	})
	defer listener.Close()
	client.Do(func() error {
		conn, err := net.DialTimeout("tcp", listener.Addr().String(), testTimeout)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	conn, err := listener.Accept()
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(testTimeout)))
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err, "the client closed the connection")
	require.NoError(t, conn.Close())
}

// listenUDP listens on a port of the namespace's address.
func (ns *namespace) listenUDP(ip, port string) *net.UDPConn {
	ns.t.Helper()
	var conn *net.UDPConn
	ns.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(net.JoinHostPort(ip, port))))
		if err != nil {
			return err
		}
		return conn.SetDeadline(time.Now().Add(testTimeout))
	})
	ns.t.Cleanup(func() { conn.Close() })
	return conn
}

// dialUDP connects a socket of the namespace to a port.
func (ns *namespace) dialUDP(ip, port string) net.Conn {
	ns.t.Helper()
	var conn net.Conn
	ns.Do(func() (err error) {
		conn, err = net.Dial("udp", net.JoinHostPort(ip, port))
		if err != nil {
			return err
		}
		return conn.SetDeadline(time.Now().Add(testTimeout))
	})
	ns.t.Cleanup(func() { conn.Close() })
	return conn
}

// query sends a UDP packet and gets an answer.
func query(t *testing.T, client, server *namespace, ip string) {
	t.Helper()
	listener := server.listenUDP(ip, portUDP)
	defer listener.Close()
	conn := client.dialUDP(ip, portUDP)
	defer conn.Close()
	_, err := conn.Write([]byte("query"))
	require.NoError(t, err)
	buf := make([]byte, 100)
	_, from, err := listener.ReadFrom(buf)
	require.NoError(t, err)
	_, err = listener.WriteTo([]byte("answer"), from)
	require.NoError(t, err)
	_, err = conn.Read(buf)
	require.NoError(t, err)
}

// ping sends an ICMP echo request and waits for the kernel's reply. The header of ICMPv6
// is that of ICMP but for the checksum, which the kernel makes.
func ping(t *testing.T, client *namespace, network, ip string, request layers.ICMPv4TypeCode, reply byte) {
	t.Helper()
	var conn *net.IPConn
	client.Do(func() (err error) {
		conn, err = net.DialIP(network, nil, &net.IPAddr{IP: net.ParseIP(ip)})
		if err != nil {
			return err
		}
		return conn.SetDeadline(time.Now().Add(testTimeout))
	})
	defer conn.Close()
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true},
		&layers.ICMPv4{TypeCode: request, Id: 1, Seq: 1}, gopacket.Payload("ping")))
	_, err := conn.Write(buf.Bytes())
	require.NoError(t, err)
	for answer := make([]byte, 100); ; {
		n, _, err := conn.ReadFrom(answer) // without the IP header
		require.NoError(t, err)
		if n > 0 && answer[0] == reply {
			return
		}
	}
}

// sendDenied sends a UDP packet to a port that the datapath denies, and one to another
// port behind it, so that the first would have arrived.
func sendDenied(t *testing.T, client, server *namespace) {
	t.Helper()
	denied := server.listenUDP(serverIPv4, portDenied)
	_, err := client.dialUDP(serverIPv4, portDenied).Write([]byte("denied"))
	require.NoError(t, err)
	query(t, client, server, serverIPv4)
	raw, err := denied.SyscallConn()
	require.NoError(t, err)
	var readErr error
	require.NoError(t, raw.Read(func(fd uintptr) bool {
		_, readErr = syscall.Read(int(fd), make([]byte, 100))
		return true
	}))
	require.ErrorIs(t, readErr, syscall.EAGAIN)
}

// tunnel sends a frame inside a tunnel's UDP packet.
func tunnel(t *testing.T, client, server *namespace, port string, header, frame []byte) {
	t.Helper()
	listener := server.listenUDP(serverIPv4, port)
	_, err := client.dialUDP(serverIPv4, port).Write(append(header, frame...))
	require.NoError(t, err)
	_, err = listener.Read(make([]byte, 1000))
	require.NoError(t, err)
}

// innerSYN is a frame that a tunnel carries: a TCP SYN from 192.168.7.1 to port 443 of
// 192.168.7.2.
func innerSYN(t *testing.T) []byte {
	t.Helper()
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP,
		SrcIP: netip.MustParseAddr("192.168.7.1").AsSlice(), DstIP: netip.MustParseAddr("192.168.7.2").AsSlice(),
	}
	tcp := &layers.TCP{SrcPort: 45678, DstPort: 443, SYN: true, Window: 64240}
	require.NoError(t, tcp.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 7, 1}, DstMAC: []byte{2, 0, 0, 0, 7, 2}, EthernetType: layers.EthernetTypeIPv4}, ip, tcp))
	return buf.Bytes()
}
