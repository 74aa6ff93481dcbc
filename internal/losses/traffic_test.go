// SPDX-License-Identifier: Apache-2.0

//go:build linux

package losses

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/hive/script"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// spoken is how much is said in a conversation.
const spoken = 100_000

// commandsOf are the commands of a host that are no programs. They run on a thread in its namespace.
var commandsOf = map[string]func(h *host, args []string) error{
	"udp":       udp,      // udp ADDRESS [bytes=N] [count=N] [from=IP] [ttl=N] [whole]: send datagrams
	"ip-raw":    ipRaw,    // ip-raw IP PROTOCOL [HEX...]: send a packet of a protocol
	"tcp":       tcp,      // tcp ADDRESS: ask for a connection, and do not wait for it
	"talk":      talk,     // talk ADDRESS: have a conversation with "listen echo", which both sides close
	"listen":    listen,   // listen udp|echo|full|deaf ADDRESS: until the script ends
	"ping":      ping,     // ping IP bytes=N: get an answer
	"frame":     frame,    // frame DEVICE HEX...: send it
	"sysctl":    sysctl,   // sysctl NAME=VALUE: for the namespace
	"wait-down": waitDown, // wait-down DEVICE: until the kernel has noticed that the other end is down
	"xdp":       xdp,      // xdp DEVICE: drop what it receives
}

// options are words NAME=VALUE.
func options(args []string) (map[string]string, error) {
	found := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if _, again := found[name]; again {
			return nil, fmt.Errorf("%s twice", name)
		}
		found[name] = value
	}
	return found, nil
}

// number returns an option that is one.
func number(options map[string]string, name string, otherwise int) (int, error) {
	text, found := options[name]
	if !found {
		return otherwise, nil
	}
	return strconv.Atoi(text)
}

func sockaddr(a netip.AddrPort) (family int, to unix.Sockaddr) {
	if a.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func udp(_ *host, args []string) error {
	if len(args) == 0 {
		return errors.New("udp ADDRESS")
	}
	address, err := netip.ParseAddrPort(args[0])
	if err != nil {
		return err
	}
	opts, err := options(args[1:])
	if err != nil {
		return err
	}
	size, err1 := number(opts, "bytes", 100)
	count, err2 := number(opts, "count", 1)
	ttl, err3 := number(opts, "ttl", 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	family, to := sockaddr(address)
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	level, ttlOption, pathMTU, probe := unix.IPPROTO_IP, unix.IP_TTL, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE
	if family == unix.AF_INET6 {
		level, ttlOption, pathMTU, probe = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE
	}
	if err := unix.SetsockoptInt(fd, level, ttlOption, ttl); err != nil {
		return err
	}
	if _, whole := opts["whole"]; whole { // not to be fragmented
		if err := unix.SetsockoptInt(fd, level, pathMTU, probe); err != nil {
			return err
		}
	}
	if from := opts["from"]; from != "" {
		ip, err := netip.ParseAddr(from)
		if err != nil {
			return err
		}
		_, local := sockaddr(netip.AddrPortFrom(ip, 0))
		if err := unix.Bind(fd, local); err != nil {
			return err
		}
	}
	for range count {
		if err := unix.Sendto(fd, make([]byte, size), 0, to); err != nil {
			return err
		}
	}
	return nil
}

func ipRaw(_ *host, args []string) error {
	if len(args) < 2 {
		return errors.New("ip-raw IP PROTOCOL [HEX...]")
	}
	ip, err := netip.ParseAddr(args[0])
	if err != nil {
		return err
	}
	protocol, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	data, err := hex.DecodeString(strings.Join(args[2:], ""))
	if err != nil {
		return err
	}
	family, to := sockaddr(netip.AddrPortFrom(ip, 0))
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, data, 0, to)
}

func tcp(h *host, args []string) error {
	if len(args) != 1 {
		return errors.New("tcp ADDRESS")
	}
	address, err := netip.ParseAddrPort(args[0])
	if err != nil {
		return err
	}
	family, to := sockaddr(address)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	h.t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Connect(fd, to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return err
	}
	return nil
}

func talk(_ *host, args []string) error {
	if len(args) != 1 {
		return errors.New("talk ADDRESS")
	}
	conn, err := net.DialTimeout("tcp", args[0], patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(make([]byte, spoken)); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && len(answer) != spoken {
		err = fmt.Errorf("%d bytes came back of %d", len(answer), spoken)
	}
	return err
}

func listen(h *host, args []string) error {
	if len(args) != 2 {
		return errors.New("listen KIND ADDRESS")
	}
	address, err := netip.ParseAddrPort(args[1])
	if err != nil {
		return err
	}
	switch args[0] {
	case "echo":
		return listenEcho(h, address)
	case "udp", "full", "deaf":
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(address))
		if err != nil {
			return err
		}
		h.t.Cleanup(func() { conn.Close() })
		raw, err := conn.SyscallConn()
		if err != nil {
			return err
		}
		set := func(fd uintptr) error { return nil }
		switch args[0] {
		case "full": // there is room for hardly one datagram
			set = func(fd uintptr) error { return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }
		case "deaf": // a filter refuses all
			set = func(fd uintptr) error {
				return unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
					&unix.SockFprog{Len: 1, Filter: &unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}})
			}
		}
		var setErr error
		err = raw.Control(func(fd uintptr) { setErr = set(fd) })
		return errors.Join(err, setErr)
	}
	return fmt.Errorf("nobody knows how to listen as %q", args[0])
}

// listenEcho has listeners that say what they hear, until they hear the end.
func listenEcho(h *host, address netip.AddrPort) error {
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(address))
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			heard := make([]byte, spoken)
			_ = conn.SetDeadline(time.Now().Add(patience))
			n, _ := io.ReadFull(conn, heard)
			_, _ = conn.Read(make([]byte, 1)) // the end: the other side has closed
			_, _ = conn.Write(heard[:n])      // what is missing, that side tells
			_ = conn.Close()
		}
	}()
	h.t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return nil
}

// ping asks by a raw socket, as ping does for root.
func ping(_ *host, args []string) error {
	if len(args) == 0 {
		return errors.New("ping IP")
	}
	opts, err := options(args[1:])
	if err != nil {
		return err
	}
	size, err := number(opts, "bytes", 56)
	if err != nil {
		return err
	}
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if strings.Contains(args[0], ":") {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	conn, err := net.Dial(network, args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	message := make([]byte, 8+size)
	message[0], message[7] = request, 1
	checksum := ^(uint16(request)<<8 + 1) // the kernel fills in that of IPv6
	message[2], message[3] = byte(checksum>>8), byte(checksum)
	if _, err := conn.Write(message); err != nil {
		return err
	}
	for answer := make([]byte, 60+8+size); ; {
		n, _, err := conn.(*net.IPConn).ReadFrom(answer) // without the IP header
		if err != nil {
			return err
		}
		if n > 0 && answer[0] == reply {
			return nil
		}
	}
}

func frame(_ *host, args []string) error {
	if len(args) < 2 {
		return errors.New("frame DEVICE HEX...")
	}
	data, err := hex.DecodeString(strings.Join(args[1:], ""))
	if err != nil {
		return err
	}
	l, err := netlink.LinkByName(args[0])
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, data, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index, Protocol: nl.Swap16(unix.ETH_P_ALL)})
}

func sysctl(_ *host, args []string) error {
	for _, arg := range args {
		name, value, found := strings.Cut(arg, "=")
		if !found {
			return errors.New("sysctl NAME=VALUE")
		}
		if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func waitDown(h *host, args []string) error {
	if len(args) != 1 {
		return errors.New("wait-down DEVICE")
	}
	h.await(args[0], netlink.OperLowerLayerDown, netlink.OperDown)
	return nil
}

func xdp(_ *host, args []string) error {
	if len(args) != 1 {
		return errors.New("xdp DEVICE")
	}
	const xdpDrop = 1
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.XDP,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, xdpDrop), asm.Return()},
		License:      "MIT",
	})
	if err != nil {
		return err
	}
	defer prog.Close() // the device keeps it
	l, err := netlink.LinkByName(args[0])
	if err != nil {
		return err
	}
	return netlink.LinkSetXdpFd(l, prog.FD())
}

// conntrackMaxCommand sets how many connections are tracked, in all namespaces, until the script ends.
func conntrackMaxCommand(t *testing.T) script.Cmd {
	usage := script.CmdUsage{Summary: "Set how many connections are tracked, in all namespaces", Args: "N"}
	return script.Command(usage, func(_ *script.State, args ...string) (script.WaitFunc, error) {
		if len(args) != 1 {
			return nil, script.ErrUsage
		}
		const file = "/proc/sys/net/netfilter/nf_conntrack_max"
		was, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { require.NoError(t, os.WriteFile(file, was, 0o644)) })
		return nil, os.WriteFile(file, []byte(args[0]), 0o644)
	})
}
