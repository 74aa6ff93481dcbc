// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"iter"
)

var dropFiles = newNameTable("source file", false, []string{
	1:   "bpf_host.c",
	2:   "bpf_lxc.c",
	3:   "bpf_overlay.c",
	4:   "bpf_xdp.c",
	5:   "bpf_sock.c",
	7:   "bpf_wireguard.c",
	101: "drop.h",
	102: "srv6.h",
	103: "icmp6.h",
	104: "nodeport.h",
	105: "lb.h",
	106: "mcast.h",
	107: "ipv4.h",
	108: "conntrack.h",
	109: "local_delivery.h",
	110: "trace.h",
	111: "encap.h",
	112: "host_firewall.h",
	113: "nodeport_egress.h",
	114: "ipv6.h",
	115: "classifiers.h",
})

// DropFile returns the name of the datapath source file that dropped a packet, else
// "unknown(N)". See [RegisterSourceFile] for those of your own datapath.
func DropFile(id uint8) string { return nameOf(dropFiles.all()[:], id) }

// DropFiles yields the id and the name of each datapath source file, by ascending id.
func DropFiles() iter.Seq2[uint8, string] { return dropFiles.each }

// RegisterSourceFile names a source file of somebody's own datapath, the File of its
// [DropNotify], for all of the process, until unregister is called. It may take the place of
// one of Cilium's. The name is printable, on one line.
//
// What holds for several registrations and for concurrent use is told at
// [RegisterMessageType]. Possible errors: [ErrRegistered] if id is registered with another
// name, and errors about a name that is not allowed.
func RegisterSourceFile(id uint8, name string) (unregister func(), err error) {
	if err := checkText(name); err != nil {
		return nil, fmt.Errorf("register source file %d: %w", id, err)
	}
	return dropFiles.register(id, name)
}
