// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// What the deny rules need to know of a packet.

#pragma once

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_VLAN_TAGS 2
#define MAX_IPV6_EXTENSIONS 8

#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8

/* ICMPv6 types of neighbour discovery: router solicitation to redirect. */
#define ICMPV6_ND_FIRST 133
#define ICMPV6_ND_LAST 137

/* Fields that the packet does not have, or that lie beyond its end, are 0. */
struct packet {
	__u8 family; /* 4, 6, or 0: not IP */
	bool neighbour_discovery;
	__u8 proto;
	__u16 dst_port;
	__be32 remote[4]; /* an IPv4 address is in the first */
};

struct vlan_tag {
	__be16 tci;
	__be16 proto; /* EtherType of what follows */
};

struct ipv6_extension {
	__u8 next;
	__u8 len;
	__be16 fragment; /* of a fragment header */
};

static __always_inline void parse_port(struct __sk_buff *skb, __u32 off, struct packet *pkt)
{
	__be16 ports[2]; /* source, destination: the same place in all three */

	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP && pkt->proto != IPPROTO_SCTP)
		return;
	if (bpf_skb_load_bytes(skb, off, ports, sizeof(ports)))
		return;
	pkt->dst_port = bpf_ntohs(ports[1]);
}

static __always_inline void parse_icmpv6(struct __sk_buff *skb, __u32 off, struct packet *pkt)
{
	__u8 type;

	if (bpf_skb_load_bytes(skb, off, &type, sizeof(type)))
		return;
	pkt->neighbour_discovery = type >= ICMPV6_ND_FIRST && type <= ICMPV6_ND_LAST;
}

static __always_inline void parse_ipv4(struct __sk_buff *skb, __u32 off, bool ingress, struct packet *pkt)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return;

	pkt->family = 4;
	pkt->proto = ip.protocol;
	pkt->remote[0] = ingress ? ip.saddr : ip.daddr;
	if (!(ip.frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET)))
		parse_port(skb, off + ip.ihl * 4, pkt);
}

static __always_inline void parse_ipv6(struct __sk_buff *skb, __u32 off, bool ingress, struct packet *pkt)
{
	struct ipv6hdr ip;
	struct ipv6_extension ext;
	__u8 next;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) || ip.version != 6)
		return;

	pkt->family = 6;
	__builtin_memcpy(pkt->remote, ingress ? &ip.saddr : &ip.daddr, sizeof(pkt->remote));

	next = ip.nexthdr;
	off += sizeof(ip);
	for (int i = 0; i <= MAX_IPV6_EXTENSIONS; i++) {
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
		case IPPROTO_FRAGMENT:
			break;
		default:
			pkt->proto = next;
			parse_port(skb, off, pkt);
			if (next == IPPROTO_ICMPV6)
				parse_icmpv6(skb, off, pkt);
			return;
		}

		if (bpf_skb_load_bytes(skb, off, &ext, sizeof(ext)))
			return;
		switch (next) {
		case IPPROTO_FRAGMENT:
			if (ext.fragment & bpf_htons(IPV6_FRAGMENT_OFFSET)) {
				pkt->proto = ext.next;
				return;
			}
			off += 8;
			break;
		case IPPROTO_AH:
			off += (ext.len + 2) * 4;
			break;
		default:
			off += (ext.len + 1) * 8;
		}
		next = ext.next;
	}
}

/* parse_packet reads skb's headers. l3 says that no Ethernet header is in front. */
static __always_inline void parse_packet(struct __sk_buff *skb, bool ingress, bool l3, struct packet *pkt)
{
	__be16 proto = skb->protocol;
	struct vlan_tag tag;
	__u32 off = 0;

	if (!l3) {
		if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &proto, sizeof(proto)))
			return;
		off = ETH_HLEN;
		for (int i = 0; i < MAX_VLAN_TAGS; i++) {
			if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
				break;
			if (bpf_skb_load_bytes(skb, off, &tag, sizeof(tag)))
				return;
			proto = tag.proto;
			off += sizeof(tag);
		}
	}

	if (proto == bpf_htons(ETH_P_IP))
		parse_ipv4(skb, off, ingress, pkt);
	else if (proto == bpf_htons(ETH_P_IPV6))
		parse_ipv6(skb, off, ingress, pkt);
}
