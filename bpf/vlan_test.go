// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// pushTag has a program begin with taking in a VLAN tag, which the kernel does not put into the packet
// but into its description. R1 is as before after it.
func pushTag(etherType, tci uint16) asm.Instructions {
	wire := binary.BigEndian.AppendUint16(nil, etherType)
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.Mov.Imm(asm.R2, int32(binary.NativeEndian.Uint16(wire))),
		asm.Mov.Imm(asm.R3, int32(tci)),
		asm.FnSkbVlanPush.Call(),
		asm.Mov.Reg(asm.R1, asm.R6),
	}
}

// loadTagged loads the programs as loadPrograms does; what they are run on gets a VLAN tag that is not in
// the packet.
func loadTagged(t *testing.T, etherType, tci uint16, rules ...string) *hostObjects {
	t.Helper()
	objects := new(hostObjects)
	loadInto(t, objects, func(spec *ebpf.CollectionSpec) { pushTags(spec, etherType, tci) }, rules...)
	return objects
}

// pushTags has all programs begin with pushTag.
func pushTags(spec *ebpf.CollectionSpec, etherType, tci uint16) {
	for _, prog := range spec.Programs {
		begin := pushTag(etherType, tci)
		begin[0].Metadata, prog.Instructions[0].Metadata = prog.Instructions[0].Metadata, asm.Metadata{}
		prog.Instructions = append(begin, prog.Instructions...)
	}
}

// withTag puts a VLAN tag into a frame, as it is on the wire.
func withTag(etherType, tci uint16, frame []byte) []byte {
	tag := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, etherType), tci)
	return slices.Insert(slices.Clone(frame), 12, tag...)
}

const testTCI = 5<<13 | 1<<12 | 4094 // with a priority

// TestTagOutsideThePacket has the programs show a tag that the kernel took out of the packet.
func TestTagOutsideThePacket(t *testing.T) {
	const src, dst = "10.0.0.1", "10.0.0.2"
	plain := udp4(src, dst, 9999)
	long := ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 0, nil, datagram(9999, bytes.Repeat([]byte{7}, 1400))))
	tunnel := ethernet(unix.ETH_P_IPV6, ipv6("fd00::1", "fd00::2", unix.IPPROTO_UDP, datagram(8472, vxlan(long))))
	stacked := ethernet(unix.ETH_P_8021Q, vlan(unix.ETH_P_IP, plain[14:]))
	endless := ethernet(unix.ETH_P_IPV6, ipv6("fd00::1", "fd00::2", unix.IPPROTO_DSTOPTS, extension(unix.IPPROTO_UDP, 120, udp(9999))))

	for _, etherType := range []uint16{unix.ETH_P_8021Q, unix.ETH_P_8021AD} {
		objects := loadTagged(t, etherType, testTCI, "udp/9999", "udp/8472")
		rd := readEvents(t, objects.CiliumEvents)
		for _, tc := range []struct {
			name     string
			packet   []byte
			captured int
		}{
			{"short", plain, len(plain) + 4},
			{"one tag in the packet, one not", stacked, len(stacked) + 4},
			{"long", long, 128 + 4},
			{"tunnel", tunnel, 128 + 14 + 40 + 8 + 8 + 4},
			{"the longest capture", endless, 512 + 4},
		} {
			t.Run(tc.name, func(t *testing.T) {
				want := withTag(etherType, testTCI, tc.packet)
				for _, prog := range []*ebpf.Program{objects.FromNetwork, objects.ToNetwork} {
					verdict, events := run(t, prog, rd, tc.packet)
					require.EqualValues(t, verdictDrop, verdict)
					require.GreaterOrEqual(t, len(events), 2)
					for _, e := range events {
						assert.Equal(t, len(want), e.lenOrig())
						assert.Equal(t, want[:tc.captured], e.packet())
					}
				}
			})
		}
		t.Run("no Ethernet header to have it in", func(t *testing.T) {
			_, events := run(t, objects.ToNetworkL3, rd, plain)
			require.Len(t, events, 1)
			assert.Equal(t, plain, events[0].packet())
		})
	}
}

// TestVLANTraffic sends frames with tags through a pair of devices, whose kernel takes the outermost tag
// out of what comes in, and has not put it in yet of what goes out.
func TestVLANTraffic(t *testing.T) { eachWay(t, testVLANTraffic) }

func testVLANTraffic(t *testing.T, withoutTCX bool) {
	left, right := veth(t)
	path := eventsPath(t)
	right.load(Options{Devices: []string{rightDevice}, Deny: mustParseRules(t, "udp/9999"), EventsMap: path, withoutTCX: withoutTCX})
	rd := readPinned(t, path)
	wire := left.rawSocket(leftDevice)
	tap := right.redirectTagged("tap0", rightDevice, unix.ETH_P_8021AD, testTCI)

	frame := func(port uint16, data string) []byte {
		return ethernet(unix.ETH_P_IP, ipv4("192.0.2.1", "192.0.2.2", unix.IPPROTO_UDP, 0, nil, datagram(port, []byte(data))))
	}
	check := func(e event, want []byte) {
		t.Helper()
		assert.Equal(t, want, e.packet())
		assert.Equal(t, len(want), e.lenOrig())
	}
	for _, tc := range []struct {
		name string
		tag  func(frame []byte) []byte
	}{
		{"802.1Q", func(frame []byte) []byte { return withTag(unix.ETH_P_8021Q, testTCI, frame) }},
		{"802.1ad", func(frame []byte) []byte { return withTag(unix.ETH_P_8021AD, testTCI, frame) }},
		{"802.1ad and 802.1Q", func(frame []byte) []byte {
			return withTag(unix.ETH_P_8021AD, 7, withTag(unix.ETH_P_8021Q, testTCI, frame))
		}},
		{"no identifier", func(frame []byte) []byte { return withTag(unix.ETH_P_8021Q, 0, frame) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			allowed, denied := tc.tag(frame(9998, "in")), tc.tag(frame(9999, "in"))
			require.NoError(t, unix.Send(wire, allowed, 0))
			check(awaitEvent(t, rd, has(eventTrace, 10, "in")), allowed)
			require.NoError(t, unix.Send(wire, denied, 0))
			check(awaitEvent(t, rd, has(eventTrace, 10, "in")), denied)
			check(awaitEvent(t, rd, has(eventPolicyVerdict, 0, "in")), denied)
			check(awaitEvent(t, rd, has(eventDrop, 133, "in")), denied)
		})
	}
	t.Run("out", func(t *testing.T) {
		allowed, denied := frame(9998, "out"), frame(9999, "out")
		_, err := tap.Write(allowed)
		require.NoError(t, err)
		check(awaitEvent(t, rd, has(eventTrace, 11, "out")), withTag(unix.ETH_P_8021AD, testTCI, allowed))
		_, err = tap.Write(denied)
		require.NoError(t, err)
		check(awaitEvent(t, rd, has(eventDrop, 133, "out")), withTag(unix.ETH_P_8021AD, testTCI, denied))
	})
}

// rawSocket returns a socket that sends whole frames by the device.
func (ns *namespace) rawSocket(device string) int {
	ns.t.Helper()
	var fd int
	ns.Do(func() (err error) {
		dev, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		ns.t.Cleanup(func() { unix.Close(fd) })
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: dev.Index})
	})
	return fd
}

// redirectTagged makes a TAP device. What is written to it goes out by another device, with a
// VLAN tag that is not in the packet.
func (ns *namespace) redirectTagged(name, device string, etherType, tci uint16) *os.File {
	ns.t.Helper()
	return ns.redirect(name, device, 0, pushTag(etherType, tci))
}

// redirect makes a TAP device. What is written to it goes out by another device, or with BPF_F_INGRESS among the flags
// comes in there, after a program has done something to it.
func (ns *namespace) redirect(name, device string, flags int32, does asm.Instructions) *os.File {
	ns.t.Helper()
	tap := ns.tunTap(name, netlink.TUNTAP_MODE_TAP)
	ns.Do(func() error {
		from, err := findDevice(name)
		if err != nil {
			return err
		}
		to, err := findDevice(device)
		if err != nil {
			return err
		}
		prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Type: ebpf.SchedCLS,
			Instructions: append(does,
				asm.Mov.Imm(asm.R1, int32(to.index)),
				asm.Mov.Imm(asm.R2, flags),
				asm.FnRedirect.Call(),
				asm.Return(),
			),
			License: "Dual BSD/GPL",
		})
		if err != nil {
			return err
		}
		defer prog.Close()
		if _, err := addClsact(from.index); err != nil {
			return err
		}
		return netlink.FilterAdd(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: from.index, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL,
			},
			Fd: prog.FD(), Name: "does", DirectAction: true,
		})
	})
	return tap
}
