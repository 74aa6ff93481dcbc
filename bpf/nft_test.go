// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What a chain of nft does.
const (
	nftDrop  = "drop"
	nftTrack = "track connections"
	nftMark  = "mark" // with nftMarked
)

const nftMarked = 0xdeadbeef

// Of linux/netfilter/nf_tables.h.
const (
	nftaExprName   = 1
	nftaExprData   = 2
	nftaCTDreg     = 1
	nftaCTKey      = 2
	nftCTState     = 0
	nftaMetaKey    = 2
	nftaMetaSreg   = 3
	nftMetaMark    = 3
	nftaImmDreg    = 1
	nftaImmData    = 2
	nftaDataValue  = 1
	nftaRuleTable  = 1
	nftaRuleChain  = 2
	nftaRuleExprs  = 4
	nftaListElem   = 1
	nftRegister1   = 1
	nfnlMsgBegin   = 0x10
	nfnlMsgEnd     = 0x11
	nfnlSubsysNFT  = 10
	nftMsgNewTable = 0
	nftMsgNewChain = 3
	nftMsgNewRule  = 6
)

// nft adds a chain for IPv4 that does something at a hook, as the program of that name does.
func (ns *namespace) nft(name string, hook uint32, does string) {
	ns.t.Helper()
	ns.nftOf(unix.NFPROTO_IPV4, name, hook, does)
}

// nftOf is nft for packets of a family.
func (ns *namespace) nftOf(family uint8, name string, hook uint32, does string) {
	ns.t.Helper()
	policy := uint32(1) // NF_ACCEPT
	if does == nftDrop {
		policy = 0
	}
	hookAttr := nl.NewRtAttr(unix.NFTA_CHAIN_HOOK|unix.NLA_F_NESTED, nil)
	hookAttr.AddRtAttr(unix.NFTA_HOOK_HOOKNUM, be32(hook))
	hookAttr.AddRtAttr(unix.NFTA_HOOK_PRIORITY, be32(0))
	messages := [][]byte{
		nftMessage(nfnlMsgBegin, 0, nfnlSubsysNFT),
		nftMessage(nfnlSubsysNFT<<8|nftMsgNewTable, family, 0, nl.NewRtAttr(unix.NFTA_TABLE_NAME, nl.ZeroTerminated(name))),
		nftMessage(nfnlSubsysNFT<<8|nftMsgNewChain, family, 0,
			nl.NewRtAttr(unix.NFTA_CHAIN_TABLE, nl.ZeroTerminated(name)),
			nl.NewRtAttr(unix.NFTA_CHAIN_NAME, nl.ZeroTerminated(name)),
			hookAttr,
			nl.NewRtAttr(unix.NFTA_CHAIN_POLICY, be32(policy)),
			nl.NewRtAttr(unix.NFTA_CHAIN_TYPE, nl.ZeroTerminated("filter")),
		),
	}
	if exprs := nftExprs(does); exprs != nil {
		messages = append(messages, nftMessage(nfnlSubsysNFT<<8|nftMsgNewRule, family, 0,
			nl.NewRtAttr(nftaRuleTable, nl.ZeroTerminated(name)),
			nl.NewRtAttr(nftaRuleChain, nl.ZeroTerminated(name)),
			exprs,
		))
	}
	messages = append(messages, nftMessage(nfnlMsgEnd, 0, nfnlSubsysNFT))
	ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, slices.Concat(messages...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		answer := make([]byte, 1<<16)
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
			return err
		}
		for acked := 0; acked < len(messages)-2; {
			n, err := unix.Read(fd, answer)
			if err != nil {
				return fmt.Errorf("no answer to nft messages: %w", err)
			}
			parsed, err := syscall.ParseNetlinkMessage(answer[:n])
			if err != nil {
				return err
			}
			for _, m := range parsed {
				if code := int32(binary.NativeEndian.Uint32(m.Data)); m.Header.Type == unix.NLMSG_ERROR && code != 0 {
					return fmt.Errorf("nft: %w", syscall.Errno(-code))
				}
				acked++
			}
		}
		return nil
	})
}

// nftExprs returns the rule of a chain, nil if it needs none.
func nftExprs(does string) *nl.RtAttr {
	exprs := nl.NewRtAttr(nftaRuleExprs|unix.NLA_F_NESTED, nil)
	expr := func(name string) (data *nl.RtAttr) {
		data = nl.NewRtAttr(nftaExprData|unix.NLA_F_NESTED, nil)
		elem := nl.NewRtAttr(nftaListElem|unix.NLA_F_NESTED, nil)
		elem.AddRtAttr(nftaExprName, nl.ZeroTerminated(name))
		elem.AddChild(data)
		exprs.AddChild(elem)
		return data
	}
	switch does {
	case nftTrack:
		ct := expr("ct")
		ct.AddRtAttr(nftaCTDreg, be32(nftRegister1))
		ct.AddRtAttr(nftaCTKey, be32(nftCTState))
	case nftMark:
		immediate := expr("immediate")
		immediate.AddRtAttr(nftaImmDreg, be32(nftRegister1))
		value := nl.NewRtAttr(nftaImmData|unix.NLA_F_NESTED, nil)
		value.AddRtAttr(nftaDataValue, binary.NativeEndian.AppendUint32(nil, nftMarked))
		immediate.AddChild(value)
		meta := expr("meta")
		meta.AddRtAttr(nftaMetaKey, be32(nftMetaMark))
		meta.AddRtAttr(nftaMetaSreg, be32(nftRegister1))
	default:
		return nil
	}
	return exprs
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// nftMessage returns a message of nfnetlink. Those that change something are acknowledged.
func nftMessage(typ uint16, family uint8, resource uint16, attrs ...*nl.RtAttr) []byte {
	body := binary.BigEndian.AppendUint16([]byte{family, 0}, resource)
	for _, attr := range attrs {
		body = append(body, attr.Serialize()...)
		body = append(body, make([]byte, (4-len(body)%4)%4)...)
	}
	flags := uint16(unix.NLM_F_REQUEST)
	if typ>>8 == nfnlSubsysNFT {
		flags |= unix.NLM_F_CREATE | unix.NLM_F_ACK
	}
	m := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	m = binary.NativeEndian.AppendUint16(m, typ)
	m = binary.NativeEndian.AppendUint16(m, flags)
	return append(append(m, make([]byte, 8)...), body...)
}
