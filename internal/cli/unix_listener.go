// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/binary"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// listensHere reports whether the socket at path was made in this network namespace: its listener is one
// of those that the kernel lists here. Everybody may ask for that.
func listensHere(path string) bool {
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return false
	}
	found := false
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	request.AddData(unixDiagRequest{})
	err := request.ExecuteIter(unix.NETLINK_SOCK_DIAG, nl.SOCK_DIAG_BY_FAMILY, func(message []byte) bool {
		found = found || isListenerAt(message, &file)
		return true
	})
	return err == nil && found
}

// unixDiagRequest asks for the listeners among the unix sockets and their files: struct unix_diag_req
// of linux/unix_diag.h.
type unixDiagRequest struct{}

const (
	unixDiagRequestSize = 24
	unixDiagShowVFS     = 2  // UDIAG_SHOW_VFS
	stateListen         = 10 // TCP_LISTEN, of unix sockets, too
	unixDiagMessageSize = 16 // struct unix_diag_msg
)

func (unixDiagRequest) Len() int { return unixDiagRequestSize }

func (unixDiagRequest) Serialize() []byte {
	b := []byte{unix.AF_UNIX, 0, 0, 0}                            // sdiag_family, sdiag_protocol, pad
	b = binary.NativeEndian.AppendUint32(b, 1<<stateListen)       // udiag_states
	b = binary.NativeEndian.AppendUint32(b, 0)                    // udiag_ino
	b = binary.NativeEndian.AppendUint32(b, unixDiagShowVFS)      // udiag_show
	return append(b, make([]byte, unixDiagRequestSize-len(b))...) // udiag_cookie
}

// isListenerAt reports whether an answer is about a socket with that file.
func isListenerAt(message []byte, file *unix.Stat_t) bool {
	if len(message) < unixDiagMessageSize || message[0] != unix.AF_UNIX {
		return false
	}
	attrs, err := nl.ParseRouteAttr(message[unixDiagMessageSize:])
	if err != nil {
		return false
	}
	for _, a := range attrs {
		if a.Attr.Type == netlink.UNIX_DIAG_VFS && len(a.Value) >= 8 { // struct unix_diag_vfs
			inode, device := binary.NativeEndian.Uint32(a.Value), binary.NativeEndian.Uint32(a.Value[4:])
			return inode == uint32(file.Ino) && device == kernelDevice(file)
		}
	}
	return false
}

// kernelDevice returns the number that the kernel itself has for the device of a file.
func kernelDevice(file *unix.Stat_t) uint32 {
	return unix.Major(file.Dev)<<20 | unix.Minor(file.Dev)
}
