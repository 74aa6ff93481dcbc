// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// The way through the link layer to IP.

#pragma once

#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "ip.h"
#include "packet.h"

/* How many VLAN tags, with a SNAP header that there may be between them, and MPLS labels are looked behind. A tag
 * that the kernel took out of the packet (skb->vlan_tci) comes on top.
 */
#define MAX_TAGS 9
#define MAX_MPLS_LABELS 8

/* Of stacked VLANs before 802.1ad had a number. */
#define ETH_P_QINQ_OLD 0x9100

#define MPLS_BOTTOM bpf_htonl(0x100)

#define PPPOE_LEN 6 /* without the protocol number of PPP */
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

struct vlan_tag {
	__be16 tci;
	__be16 proto; /* EtherType of what follows, or the length */
};

struct snap_header {
	__be16 saps;
	__u8 control;
	__u8 org[3]; /* 0: what follows has an EtherType */
	__be16 proto;
};

#define SNAP_SAPS bpf_htons(0xaaaa)
#define SNAP_CONTROL 3

struct pppoe_header {
	__u8 version_type; /* Linux looks neither at it nor at the code */
	__u8 code;
	__be16 session;
	__be16 len;
	__be16 ppp_proto;
};

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD) ||
	       proto == bpf_htons(ETH_P_QINQ_OLD);
}

static __always_inline bool is_mpls(__be16 proto)
{
	return proto == bpf_htons(ETH_P_MPLS_UC) || proto == bpf_htons(ETH_P_MPLS_MC);
}

/* carry notes that a header says how much data it has behind it. */
static __always_inline void carry(struct packet *pkt, __u32 len)
{
	if (pkt->off + len < pkt->end)
		pkt->end = pkt->off + len;
}

/* ip_by_version returns the EtherType of what follows where nothing but its version tells: it is IP if it looks so. */
static __always_inline __be16 ip_by_version(struct __sk_buff *skb, const struct packet *pkt)
{
	__u8 version;

	if (!load(skb, pkt, &version, sizeof(version)))
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

/* skip_mpls walks over the labels and returns the EtherType of what follows. */
static __always_inline __be16 skip_mpls(struct __sk_buff *skb, struct packet *pkt)
{
	__be32 label = 0;

	for (int i = 0; i < MAX_MPLS_LABELS && !(label & MPLS_BOTTOM); i++) {
		if (!load(skb, pkt, &label, sizeof(label)))
			return 0;
		pkt->off += sizeof(label);
	}
	return label & MPLS_BOTTOM ? ip_by_version(skb, pkt) : 0;
}

/* skip_pppoe walks over the header of a session and that of PPP in it, and returns the EtherType of what follows. */
static __always_inline __be16 skip_pppoe(struct __sk_buff *skb, struct packet *pkt)
{
	struct pppoe_header pppoe;

	if (!load(skb, pkt, &pppoe, sizeof(pppoe)))
		return 0;
	pkt->off += PPPOE_LEN;
	carry(pkt, bpf_ntohs(pppoe.len));
	pkt->off += sizeof(pppoe.ppp_proto); /* what is behind it can't be loaded if that is not carried */
	if (pppoe.ppp_proto == bpf_htons(PPP_IPV4))
		return bpf_htons(ETH_P_IP);
	if (pppoe.ppp_proto == bpf_htons(PPP_IPV6))
		return bpf_htons(ETH_P_IPV6);
	return 0;
}

/* skip_snap walks over a SNAP header and returns the EtherType that it has, 0 if there is none. */
static __always_inline __be16 skip_snap(struct __sk_buff *skb, struct packet *pkt)
{
	struct snap_header snap;

	if (!load(skb, pkt, &snap, sizeof(snap)) || snap.saps != SNAP_SAPS || snap.control != SNAP_CONTROL ||
	    snap.org[0] || snap.org[1] || snap.org[2])
		return 0;
	pkt->off += sizeof(snap);
	return snap.proto;
}

/* skip_tags walks over what there is between the type of a frame, proto, and IP, and returns the EtherType of that.
 *
 * It is neither inlined nor static, so that the verifier looks at it by itself: all that could come
 * after each tag would take it too long.
 */
__noinline int skip_tags(struct __sk_buff *skb, struct packet *pkt, __u32 proto)
{
	struct vlan_tag tag;
	bool snap = false;

	if (!pkt)
		return 0;
	for (int i = 0; i < MAX_TAGS; i++) {
		if (is_vlan(proto)) {
			if (!load(skb, pkt, &tag, sizeof(tag)))
				return 0;
			pkt->off += sizeof(tag);
			proto = tag.proto;
		} else if (bpf_ntohs(proto) < ETH_P_802_3_MIN && !snap) {
			carry(pkt, bpf_ntohs(proto));
			proto = skip_snap(skb, pkt);
			snap = true;
		} else {
			break;
		}
	}
	if (is_mpls(proto))
		return skip_mpls(skb, pkt);
	if (proto == bpf_htons(ETH_P_PPP_SES))
		return skip_pppoe(skb, pkt);
	return proto;
}

/* skip_ethernet walks to what the frame carries and returns its EtherType. */
static __always_inline __be16 skip_ethernet(struct __sk_buff *skb, struct packet *pkt)
{
	__be16 proto;

	pkt->off = offsetof(struct ethhdr, h_proto);
	if (!load(skb, pkt, &proto, sizeof(proto)))
		return 0;
	pkt->off = ETH_HLEN;
	if (proto != bpf_htons(ETH_P_IP) && proto != bpf_htons(ETH_P_IPV6) && proto != bpf_htons(ETH_P_ARP))
		proto = skip_tags(skb, pkt, proto);
	pkt->extra = pkt->off - ETH_HLEN;
	return proto;
}

/* parse_packet reads skb's headers. l3 says that no Ethernet header is in front. */
static __always_inline void parse_packet(struct __sk_buff *skb, bool ingress, bool l3, struct packet *pkt)
{
	__be16 proto;

	pkt->l3 = l3;
	pkt->end = skb->len;
	proto = l3 ? ip_by_version(skb, pkt) : skip_ethernet(skb, pkt);
	if (proto == bpf_htons(ETH_P_IP))
		parse_ipv4(skb, ingress, pkt);
	else if (proto == bpf_htons(ETH_P_IPV6))
		parse_ipv6(skb, ingress, pkt);
}
