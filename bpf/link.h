// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// The way through the link layer to IP.

#pragma once

#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "ip.h"
#include "packet.h"

/* How many VLAN tags and MPLS labels are looked behind. A tag that the kernel took out of the
 * packet (skb->vlan_tci) comes on top.
 */
#define MAX_VLAN_TAGS 8
#define MAX_MPLS_LABELS 8

/* Of stacked VLANs before 802.1ad had a number. */
#define ETH_P_QINQ_OLD 0x9100

#define MPLS_BOTTOM bpf_htonl(0x100)

struct vlan_tag {
	__be16 tci;
	__be16 proto; /* EtherType of what follows */
};

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD) ||
	       proto == bpf_htons(ETH_P_QINQ_OLD);
}

/* skip_mpls walks over the labels and returns the EtherType of what follows. Only its sender knows;
 * it is IP if it looks so.
 */
static __always_inline __be16 skip_mpls(struct __sk_buff *skb, struct packet *pkt)
{
	__be32 label = 0;
	__u8 version;

	for (int i = 0; i < MAX_MPLS_LABELS && !(label & MPLS_BOTTOM); i++) {
		if (!load(skb, pkt, &label, sizeof(label)))
			return 0;
		pkt->off += sizeof(label);
	}
	if (!(label & MPLS_BOTTOM) || !load(skb, pkt, &version, sizeof(version)))
		return 0;
	switch (version >> 4) {
	case 4:
		return bpf_htons(ETH_P_IP);
	case 6:
		return bpf_htons(ETH_P_IPV6);
	default:
		return 0;
	}
}

/* skip_ethernet walks to what the frame carries and returns its EtherType. */
static __always_inline __be16 skip_ethernet(struct __sk_buff *skb, struct packet *pkt)
{
	struct vlan_tag tag;
	__be16 proto;

	if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &proto, sizeof(proto)))
		return 0;
	pkt->off = ETH_HLEN;
	for (int i = 0; i < MAX_VLAN_TAGS && is_vlan(proto); i++) {
		if (!load(skb, pkt, &tag, sizeof(tag)))
			return 0;
		pkt->off += sizeof(tag);
		proto = tag.proto;
	}
	if (proto == bpf_htons(ETH_P_MPLS_UC) || proto == bpf_htons(ETH_P_MPLS_MC))
		proto = skip_mpls(skb, pkt);
	pkt->extra = pkt->off - ETH_HLEN;
	return proto;
}

/* parse_packet reads skb's headers. l3 says that no Ethernet header is in front. */
static __always_inline void parse_packet(struct __sk_buff *skb, bool ingress, bool l3, struct packet *pkt)
{
	__be16 proto;

	pkt->l3 = l3;
	pkt->end = skb->len;
	proto = l3 ? skb->protocol : skip_ethernet(skb, pkt);
	if (proto == bpf_htons(ETH_P_IP))
		parse_ipv4(skb, ingress, pkt);
	else if (proto == bpf_htons(ETH_P_IPV6))
		parse_ipv6(skb, ingress, pkt);
}
