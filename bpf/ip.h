// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// IP headers, and the headers between them and what the packet is for.

#pragma once

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "packet.h"
#include "transport.h"

/* How many extension headers are looked behind. */
#define MAX_EXTENSIONS 32

#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8

/* Extension headers of IPv6 that linux/in.h does not have. */
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140

#define MIN_AH_LEN 12

struct extension {
	__u8 next;
	__u8 len; /* in units of the header */
	__be16 fragment; /* of a fragment header */
};

/* is_extension tells headers that say what follows them: in IPv4, authentication alone. */
static __always_inline bool is_extension(__u8 proto, bool v6)
{
	switch (proto) {
	case IPPROTO_AH:
		return true;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case IPPROTO_HIP:
	case IPPROTO_SHIM6:
		return v6;
	default:
		return false;
	}
}

/* parse_upper walks over extension headers to what the packet is for. It stops at one that is cut
 * or malformed, and proto is that one's.
 */
static __always_inline void parse_upper(struct __sk_buff *skb, struct packet *pkt, __u8 proto, bool v6)
{
	__u32 begin = pkt->off, len;
	struct extension ext;

	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		pkt->proto = proto;
		if (!is_extension(proto, v6))
			break;
		if (!load(skb, pkt, &ext, sizeof(ext)))
			return;
		switch (proto) {
		case IPPROTO_FRAGMENT:
			len = 8;
			break;
		case IPPROTO_AH:
			len = (ext.len + 2) * 4;
			if (len < MIN_AH_LEN)
				return;
			break;
		default:
			len = (ext.len + 1) * 8;
		}
		if (pkt->off + len > pkt->end)
			return;
		if (proto == IPPROTO_FRAGMENT && ext.fragment & bpf_htons(IPV6_FRAGMENT_OFFSET)) {
			pkt->proto = ext.next;
			return;
		}
		pkt->off += len;
		proto = ext.next;
	}
	if (is_extension(pkt->proto, v6))
		return;
	pkt->extra += pkt->off - begin;
	parse_transport(skb, pkt, v6);
}

static __always_inline void parse_ipv4(struct __sk_buff *skb, bool ingress, struct packet *pkt)
{
	struct iphdr ip;
	__u32 len, total;

	if (!load(skb, pkt, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return;

	pkt->family = 4;
	pkt->proto = ip.protocol;
	pkt->remote[0] = ingress ? ip.saddr : ip.daddr;

	len = ip.ihl * 4;
	total = bpf_ntohs(ip.tot_len);
	if (total) { /* or it is one that the device will split */
		if (total < len)
			return;
		if (pkt->off + total < pkt->end)
			pkt->end = pkt->off + total;
	}
	if (pkt->off + len > pkt->end || ip.frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
		return;
	pkt->off += len;
	pkt->extra += len - sizeof(ip);
	parse_upper(skb, pkt, ip.protocol, false);
}

static __always_inline void parse_ipv6(struct __sk_buff *skb, bool ingress, struct packet *pkt)
{
	struct ipv6hdr ip;
	__u32 len;

	if (!load(skb, pkt, &ip, sizeof(ip)) || ip.version != 6)
		return;

	pkt->family = 6;
	__builtin_memcpy(pkt->remote, ingress ? &ip.saddr : &ip.daddr, sizeof(pkt->remote));

	pkt->off += sizeof(ip);
	len = bpf_ntohs(ip.payload_len);
	if (len && pkt->off + len < pkt->end) /* 0: more than 64 KiB */
		pkt->end = pkt->off + len;
	parse_upper(skb, pkt, ip.nexthdr, true);
}
