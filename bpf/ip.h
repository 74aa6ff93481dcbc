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
#define MAX_EXTENSIONS 16

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

/* Kinds of headers that say what follows them, by how their length counts; 0 is none of them. */
enum extension_kind {
	EXTENSION_FRAGMENT = 1, /* of 8 bytes */
	EXTENSION_WORDS,        /* of 4 bytes, without the first two */
	EXTENSION_OCTETS,       /* of 8 bytes, without the first */
};

/* A table, since the verifier would follow each case of a switch. */
static const __u8 extension_kinds[256] = {
	[IPPROTO_HOPOPTS] = EXTENSION_OCTETS,
	[IPPROTO_ROUTING] = EXTENSION_OCTETS,
	[IPPROTO_FRAGMENT] = EXTENSION_FRAGMENT,
	[IPPROTO_AH] = EXTENSION_WORDS,
	[IPPROTO_DSTOPTS] = EXTENSION_OCTETS,
	[IPPROTO_MH] = EXTENSION_OCTETS,
	[IPPROTO_HIP] = EXTENSION_OCTETS,
	[IPPROTO_SHIM6] = EXTENSION_OCTETS,
};

/* skip_extensions walks over extension headers to what the packet is for, and returns true if it gets
 * there. It stops at one that is cut or malformed, and proto is that one's.
 *
 * It is neither inlined nor static, so that the verifier looks at it by itself: all that could come
 * after each header would take it too long.
 */
__noinline int skip_extensions(struct __sk_buff *skb, struct packet *pkt)
{
	struct extension ext;
	__u32 off, end, len;
	__u8 proto, kind;

	if (!pkt)
		return false;
	off = pkt->off;
	end = pkt->end;
	proto = pkt->proto;
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		kind = extension_kinds[proto];
		if (!kind || (pkt->family == 4 && kind != EXTENSION_WORDS))
			break;
		if (off + sizeof(ext) > end || bpf_skb_load_bytes(skb, off, &ext, sizeof(ext)))
			return false;
		len = kind == EXTENSION_WORDS ? (ext.len + 2) * 4 : kind == EXTENSION_OCTETS ? (ext.len + 1) * 8 : 8;
		if (off + len > end || (kind == EXTENSION_WORDS && len < MIN_AH_LEN))
			return false;
		off += len;
		pkt->extra += len;
		proto = ext.next;
		pkt->proto = proto;
		if (kind == EXTENSION_FRAGMENT && ext.fragment & bpf_htons(IPV6_FRAGMENT_OFFSET))
			return false;
	}
	pkt->off = off;
	return !(extension_kinds[proto] && (pkt->family == 6 || proto == IPPROTO_AH));
}

/* is_extension tells whether proto is one of the headers that skip_extensions walks over. */
static __always_inline bool is_extension(const struct packet *pkt)
{
	return extension_kinds[pkt->proto];
}

static __always_inline void parse_ipv4(struct __sk_buff *skb, bool ingress, struct packet *pkt)
{
	struct iphdr ip;
	__u32 len, total;

	if (!load(skb, pkt, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return;

	pkt->family = 4;
	pkt->ip_off = pkt->off;
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
	pkt->extended = is_extension(pkt);
	if (!pkt->extended || skip_extensions(skb, pkt))
		parse_transport(skb, pkt, false);
}

static __always_inline void parse_ipv6(struct __sk_buff *skb, bool ingress, struct packet *pkt)
{
	struct ipv6hdr ip;
	__u32 len;

	if (!load(skb, pkt, &ip, sizeof(ip)) || ip.version != 6)
		return;

	pkt->family = 6;
	pkt->ip_off = pkt->off;
	__builtin_memcpy(pkt->remote, ingress ? &ip.saddr : &ip.daddr, sizeof(pkt->remote));
	pkt->mapped = !pkt->remote[0] && !pkt->remote[1] && pkt->remote[2] == bpf_htonl(0xffff);

	pkt->off += sizeof(ip);
	len = bpf_ntohs(ip.payload_len);
	if (len && pkt->off + len < pkt->end) /* 0: more than 64 KiB */
		pkt->end = pkt->off + len;
	pkt->proto = ip.nexthdr;
	pkt->extended = is_extension(pkt);
	if (!pkt->extended || skip_extensions(skb, pkt))
		parse_transport(skb, pkt, true);
}
