// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/perf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// watched is a namespace with a datapath on its device.
type watched struct {
	*namespace
	addr string // of its device
	rd   *perf.Reader
	seen []event // of all CPUs, so not in the order of the packets
}

func watch(ns *namespace, device, addr string, withoutTCX bool) *watched {
	ns.t.Helper()
	path := eventsPath(ns.t)
	ns.load(Options{Devices: []string{device}, EventsMap: path, withoutTCX: withoutTCX})
	return &watched{ns, addr, readPinned(ns.t, path), nil}
}

// requireState awaits the trace of a packet and demands its state.
func (w *watched) requireState(point int, what string, match func(packet []byte) bool, state uint8) {
	w.t.Helper()
	is := func(e event) bool { return e.typ() == eventTrace && e.subtype() == point && match(e.packet()) }
	i := slices.IndexFunc(w.seen, is)
	if i < 0 {
		awaitEvent(w.t, w.rd, func(e event) bool {
			w.seen = append(w.seen, e)
			return is(e)
		})
		i = len(w.seen) - 1
	}
	e := w.seen[i]
	require.Equal(w.t, api.TraceReasonName(state), api.TraceReasonName(e.u8(26)), what)
}

func (w *watched) in(what string, match func(packet []byte) bool, state uint8) {
	w.t.Helper()
	w.requireState(api.TraceFromNetwork, what, match, state)
}

func (w *watched) out(what string, match func(packet []byte) bool, state uint8) {
	w.t.Helper()
	w.requireState(api.TraceToNetwork, what, match, state)
}

func contains(data string) func([]byte) bool {
	return func(packet []byte) bool { return bytes.Contains(packet, []byte(data)) }
}

// isTCP matches packets of TCP, without options or extension headers of IP, by their flags.
func isTCP(flags byte) func([]byte) bool {
	return func(packet []byte) bool {
		protocol, transport := 14+9, 14+20
		if packet[12] == unix.ETH_P_IPV6>>8 {
			protocol, transport = 14+6, 14+40
		}
		return len(packet) > transport+13 && packet[protocol] == unix.IPPROTO_TCP && packet[transport+13] == flags
	}
}

func TestConnectionStates(t *testing.T) { eachWay(t, testConnectionStates) }

// testConnectionStates has one side that tracks connections, and one that does not.
func testConnectionStates(t *testing.T, withoutTCX bool) {
	const (
		fresh, established, reply = api.TraceReasonPolicy, api.TraceReasonCtEstablished, api.TraceReasonCtReply
		related, unknown          = api.TraceReasonCtRelated, api.TraceReasonUnknown
	)
	for _, tc := range []struct {
		name        string
		family      uint8
		left, right string
	}{
		{"IPv4", unix.NFPROTO_IPV4, leftIPv4, rightIPv4},
		{"IPv6", unix.NFPROTO_IPV6, leftIPv6, rightIPv6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, r := veth(t)
			r.nftOf(tc.family, "conntrack", unix.NF_INET_LOCAL_IN, nftTrack)
			left, right := watch(l, leftDevice, tc.left, withoutTCX), watch(r, rightDevice, tc.right, withoutTCX)

			client := left.listenUDP(net.JoinHostPort(left.addr, "5001"))
			server := right.listenUDP(net.JoinHostPort(right.addr, "5002"))
			send(t, client, server, "question 1")
			send(t, client, server, "question 2")
			send(t, server, client, "answer 1")
			send(t, client, server, "question 3")
			send(t, server, client, "answer 2")
			right.in("the first one", contains("question 1"), fresh)
			right.in("another one without an answer", contains("question 2"), fresh)
			right.out("an answer", contains("answer 1"), reply)
			right.in("one after an answer", contains("question 3"), established)
			right.out("another answer", contains("answer 2"), reply)
			left.out("without conntrack", contains("question 1"), unknown)
			left.in("without conntrack", contains("answer 1"), unknown)
			left.out("without conntrack", contains("question 3"), unknown)

			server = right.listenUDP(net.JoinHostPort(right.addr, "5003"))
			send(t, server, client, "from here 1")
			send(t, client, server, "from there 1")
			send(t, server, client, "from here 2")
			right.out("the first one from here", contains("from here 1"), fresh)
			right.in("an answer from there", contains("from there 1"), reply)
			right.out("from here after an answer", contains("from here 2"), established)

			// To closed ports: the answer is an error about the datagram.
			_, err := server.WriteToUDPAddrPort([]byte("closed there"), netip.AddrPortFrom(netip.MustParseAddr(left.addr), 9))
			require.NoError(t, err)
			right.out("to a closed port", contains("closed there"), fresh)
			right.in("an error from there", contains("closed there"), related)
			_, err = client.WriteToUDPAddrPort([]byte("closed here"), netip.AddrPortFrom(netip.MustParseAddr(right.addr), 9))
			require.NoError(t, err)
			right.in("to a closed port here", contains("closed here"), fresh)
			right.out("an error from here", contains("closed here"), related)
			left.in("an error without conntrack", contains("closed here"), unknown)

			var listener net.Listener
			right.Do(func() (err error) {
				listener, err = net.Listen("tcp", net.JoinHostPort(right.addr, "4242"))
				return err
			})
			defer listener.Close()
			var conn net.Conn
			left.Do(func() (err error) {
				conn, err = net.Dial("tcp", listener.Addr().String())
				return err
			})
			defer conn.Close()
			accepted, err := listener.Accept()
			require.NoError(t, err)
			defer accepted.Close()
			_, err = conn.Write([]byte("request"))
			require.NoError(t, err)
			_, err = io.ReadFull(accepted, make([]byte, len("request")))
			require.NoError(t, err)
			right.in("SYN", isTCP(2), fresh)
			right.out("SYN, ACK", isTCP(2|tcpACK), reply)
			right.in("ACK", isTCP(tcpACK), established)
			right.in("data", contains("request"), established)
			left.out("data without conntrack", contains("request"), unknown)
		})
	}
}

// TestWithoutConnectionStates has kernels that do not take what asks connection tracking, or reads the kernel's memory.
func TestWithoutConnectionStates(t *testing.T) {
	ns := newNamespace(t)
	ns.nft("conntrack", unix.NF_INET_LOCAL_IN, nftTrack)
	for _, tc := range []struct {
		refused []string
		state   uint8
	}{
		{nil, api.TraceReasonPolicy},
		{[]string{lookUpFunction}, api.TraceReasonUnknown},
		{[]string{lookUpFunction, trackedFunction, hooksFunction, tracksFunction}, api.TraceReasonUnknown},
	} {
		spec, err := loadHost()
		require.NoError(t, err)
		for _, function := range tc.refused {
			for _, prog := range spec.Programs {
				refuse(prog, function)
			}
		}
		objects := new(ethernetObjects)
		missing, err := loadHostPrograms(spec, objects, nil)
		require.NoError(t, err)
		defer objects.Close()
		require.Equal(t, tc.refused != nil, missing != nil, "%v", missing)
		rd := readEvents(t, objects.CiliumEvents)
		ns.Do(func() error {
			_, events := run(t, objects.FromNetwork, rd, udp4(leftIPv4, rightIPv4, 53))
			require.Len(t, events, 1)
			require.Equal(t, api.TraceReasonName(tc.state), api.TraceReasonName(events[0].u8(26)))
			return nil
		})
	}

	spec, err := loadHost()
	require.NoError(t, err)
	refuse(spec.Programs[hostProgFromNetwork], "emit")
	_, err = loadHostPrograms(spec, new(ethernetObjects), nil)
	require.Error(t, err)
}

// refuse has a function of a program call a helper that no kernel has.
func refuse(prog *ebpf.ProgramSpec, function string) {
	start := slices.IndexFunc(prog.Instructions, func(ins asm.Instruction) bool { return ins.Symbol() == function })
	if start < 0 {
		return // only what comes in is looked up
	}
	call := asm.BuiltinFunc(1 << 20).Call()
	call.Metadata = prog.Instructions[start].Metadata
	prog.Instructions = slices.Insert(prog.Instructions, start, call)
	prog.Instructions[start+1] = prog.Instructions[start+1].WithSymbol("")
}
