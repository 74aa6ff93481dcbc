// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/netip"
	"strconv"
)

// appendNotification appends what json.Marshal makes of a notification. Entries of the ipcache come and go by the
// thousand, so these are written without reflection.
func appendNotification(dst []byte, notification any) ([]byte, error) {
	if n, ok := notification.(IPCacheNotification); ok && n.HostIP.Zone() == "" && n.OldHostIP.Zone() == "" {
		return n.appendJSON(dst), nil
	}
	text, err := json.Marshal(notification)
	return append(dst, text...), err
}

// appendJSON appends what json.Marshal makes of n, whose addresses have no zone.
func (n *IPCacheNotification) appendJSON(dst []byte) []byte {
	dst = appendText(append(dst, `{"cidr":`...), n.CIDR)
	dst = strconv.AppendUint(append(dst, `,"id":`...), uint64(n.Identity), 10)
	if n.OldIdentity != nil {
		dst = strconv.AppendUint(append(dst, `,"old-id":`...), uint64(*n.OldIdentity), 10)
	}
	dst = appendAddr(dst, `,"host-ip":"`, n.HostIP)
	dst = appendAddr(dst, `,"old-host-ip":"`, n.OldHostIP)
	dst = strconv.AppendUint(append(dst, `,"encrypt-key":`...), uint64(n.EncryptKey), 10)
	if n.Namespace != "" {
		dst = appendText(append(dst, `,"namespace":`...), n.Namespace)
	}
	if n.PodName != "" {
		dst = appendText(append(dst, `,"pod-name":`...), n.PodName)
	}
	return append(dst, '}')
}

func appendAddr(dst []byte, key string, addr netip.Addr) []byte {
	if !addr.IsValid() {
		return dst
	}
	return append(addr.AppendTo(append(dst, key...)), '"')
}

// appendText appends s as JSON.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			text, _ := json.Marshal(s) // it has a text for any string
			return append(dst, text...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
