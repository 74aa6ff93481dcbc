// SPDX-License-Identifier: Apache-2.0

package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
)

// Attributes of a link that package syscall does not have, and the bits of an attribute's type
// that are its type, see linux/if_link.h and linux/netlink.h.
const (
	attrPropList = 52 // IFLA_PROP_LIST
	attrAltName  = 53 // IFLA_ALT_IFNAME

	attrTypeMask = 0x3fff // NLA_TYPE_MASK
)

// Interfaces returns the interfaces of the network namespace that the calling thread is in.
func Interfaces() ([]Interface, error) {
	dump, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", os.NewSyscallError("netlinkrib", err))
	}
	messages, err := syscall.ParseNetlinkMessage(dump)
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", os.NewSyscallError("parsenetlinkmessage", err))
	}
	var interfaces []Interface
	for _, m := range messages {
		if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < syscall.SizeofIfInfomsg {
			continue
		}
		i := Interface{Index: binary.NativeEndian.Uint32(m.Data[4:])} // ifi_index
		eachAttr(m.Data[syscall.SizeofIfInfomsg:], func(typ uint16, value []byte) {
			switch typ {
			case syscall.IFLA_IFNAME:
				i.Name = attrString(value)
			case attrPropList:
				eachAttr(value, func(typ uint16, value []byte) {
					if typ == attrAltName {
						i.AltNames = append(i.AltNames, attrString(value))
					}
				})
			}
		})
		interfaces = append(interfaces, i)
	}
	return interfaces, nil
}

// eachAttr calls fn with each of the netlink attributes.
func eachAttr(attrs []byte, fn func(typ uint16, value []byte)) {
	for len(attrs) >= syscall.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(attrs))
		if length < syscall.SizeofRtAttr || length > len(attrs) {
			return
		}
		fn(binary.NativeEndian.Uint16(attrs[2:])&attrTypeMask, attrs[syscall.SizeofRtAttr:length])
		aligned := (length + syscall.RTA_ALIGNTO - 1) &^ (syscall.RTA_ALIGNTO - 1)
		attrs = attrs[min(aligned, len(attrs)):]
	}
}

func attrString(value []byte) string { return string(bytes.TrimRight(value, "\x00")) }
