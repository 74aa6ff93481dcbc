// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// What IP carries: ports, messages of ICMP, and other packets.

#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>

#include "events.h"
#include "icmp.h"
#include "packet.h"

#define UDP_HEADER_LEN 8

/* UDP ports as IANA assigns them, and the one that Linux and Cilium use for VXLAN. */
#define VXLAN_PORT 4789
#define VXLAN_PORT_LINUX 8472
#define GENEVE_PORT 6081

/* RFC 7348, and the flags and the group of draft-smith-vxlan-group-policy. */
#define VXLAN_I 0x08
#define VXLAN_G 0x80
#define VXLAN_GROUP_FLAGS 0x48 /* don't learn, policy applied */

#define ETH_P_TEB_BE bpf_htons(0x6558) /* a whole Ethernet frame */

/* Protocols that carry a packet and that linux/in.h does not have. */
#define IPPROTO_ETHERIP 97
#define IPPROTO_IP_ETHERNET 143

struct vxlan_header {
	__u8 flags;
	__u8 group_flags;
	__be16 group;
	__u8 vni[3];
	__u8 reserved;
};

struct geneve_header {
	__u8 version_len; /* version, length of the options in units of 4 bytes */
	__u8 flags;
	__be16 proto; /* EtherType of what is carried */
	__u8 vni[3];
	__u8 reserved;
};

#define TUNNEL_HEADER_LEN 8 /* of both, without options */

/* is_vxlan tells headers that Linux would accept from other data. */
static __always_inline bool is_vxlan(const struct vxlan_header *h)
{
	if ((h->flags & ~VXLAN_G) != VXLAN_I || h->reserved)
		return false;
	if (h->flags & VXLAN_G)
		return !(h->group_flags & ~VXLAN_GROUP_FLAGS);
	return !h->group_flags && !h->group;
}

/* is_geneve tells headers that Linux would accept (RFC 8926) from other data. */
static __always_inline bool is_geneve(const struct geneve_header *h)
{
	return h->version_len >> 6 == 0 &&
	       (h->proto == ETH_P_TEB_BE || h->proto == bpf_htons(ETH_P_IP) || h->proto == bpf_htons(ETH_P_IPV6));
}

/* parse_tunnel looks for a tunnel header behind that of UDP: a port alone says little. */
static __always_inline void parse_tunnel(struct __sk_buff *skb, struct packet *pkt)
{
	union {
		struct vxlan_header vxlan;
		struct geneve_header geneve;
	} h;

	pkt->off += UDP_HEADER_LEN;
	if (!load(skb, pkt, &h, TUNNEL_HEADER_LEN))
		return;
	pkt->off += TUNNEL_HEADER_LEN;
	if (pkt->dst_port != GENEVE_PORT) {
		if (!is_vxlan(&h.vxlan))
			return;
		pkt->tunnel = FLAG_VXLAN;
	} else {
		if (!is_geneve(&h.geneve))
			return;
		pkt->off += (h.geneve.version_len & 0x3f) * 4;
		if (pkt->off > pkt->end)
			return;
		pkt->tunnel = FLAG_GENEVE;
	}
	pkt->extra = pkt->off;
}

static __always_inline void parse_transport(struct __sk_buff *skb, struct packet *pkt, bool v6)
{
	__be16 ports[2]; /* source, destination: the same place in all */

	pkt->transport_off = pkt->off;
	switch (pkt->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		if (!load(skb, pkt, ports, sizeof(ports)))
			return;
		pkt->dst_port = bpf_ntohs(ports[1]);
		if (pkt->proto == IPPROTO_UDP &&
		    (pkt->dst_port == VXLAN_PORT || pkt->dst_port == VXLAN_PORT_LINUX || pkt->dst_port == GENEVE_PORT))
			parse_tunnel(skb, pkt);
		break;
	case IPPROTO_ICMP:
		if (!v6)
			parse_icmpv4(skb, pkt);
		break;
	case IPPROTO_ICMPV6:
		if (v6)
			parse_icmpv6(skb, pkt);
		break;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
	case IPPROTO_GRE:
	case IPPROTO_ETHERIP:
	case IPPROTO_MPLS:
	case IPPROTO_IP_ETHERNET:
		pkt->extra = pkt->off;
		break;
	}
}
