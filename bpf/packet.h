// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// What is known of a packet.

#pragma once

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* What deny rules leave alone, see icmp.h. */
enum spared {
	SPARED_NOT,
	SPARED_BY_ICMP_RULES,
	SPARED_BY_ALL_RULES,
};

/* What the packet does not have, or lies beyond its end, is 0. Of a tunnel's packet it is all of
 * the outer headers, which are those that the host acts on.
 */
struct packet {
	bool l3;      /* no Ethernet header is in front */
	__u8 family;  /* 4, 6, or 0: not IP */
	__u8 proto;
	__u8 tunnel;  /* FLAG_VXLAN, FLAG_GENEVE */
	__u8 spared;  /* enum spared */
	__u16 dst_port;
	__be32 remote[4]; /* an IPv4 address is in the first */

	/* How many bytes the headers take up that a simple packet would not have: tags, options,
	 * extensions, and all that is around a packet in the packet.
	 */
	__u32 extra;

	/* Of the walk: where the next header begins, and where the headers before it say that
	 * the data ends.
	 */
	__u32 off;
	__u32 end;
};

/* load reads what the next header begins with. It fails where the packet ends before. */
static __always_inline bool load(struct __sk_buff *skb, const struct packet *pkt, void *to, __u32 size)
{
	return pkt->off + size <= pkt->end && !bpf_skb_load_bytes(skb, pkt->off, to, size);
}
