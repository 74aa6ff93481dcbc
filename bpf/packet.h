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
	bool mapped;      /* remote is IPv4-mapped: an IPv4 address is in the last */

	/* Where the IP header begins, and what it carries; 0 if there is none, or it is not in the packet. */
	__u32 ip_off;
	__u32 transport_off;
	bool extended; /* other headers are between them */
	__u32 quoted_off; /* where the packet begins that an ICMP error is about */

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

/* How far into a packet it is looked at without a helper. The verifier wants a limit. */
#define DIRECT_LEN 256

/* What the bytes of a packet are copied by, whatever they are. */
typedef __u32 __attribute__((may_alias)) word;
typedef __u16 __attribute__((may_alias)) half;

/* copy copies a constant number of bytes from a packet, in the largest units: memcpy would take bytes one by one,
 * since it knows nothing of how the packet is aligned.
 */
static __always_inline void copy(void *to, const void *from, __u32 size)
{
	__u32 i = 0;

	for (; i + sizeof(word) <= size; i += sizeof(word))
		*(word *)(to + i) = *(const word *)(from + i);
	for (; i + sizeof(half) <= size; i += sizeof(half))
		*(half *)(to + i) = *(const half *)(from + i);
	for (; i < size; i++)
		*(__u8 *)(to + i) = *(const __u8 *)(from + i);
}

/* load reads what the next header begins with. It fails where the packet ends before. Headers are usually in the linear
 * part of the packet, where no helper has to be called for them.
 */
static __always_inline bool load(struct __sk_buff *skb, const struct packet *pkt, void *to, __u32 size)
{
	void *from = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u64 off = pkt->off;

	if (off + size > pkt->end)
		return false;
	if (off < DIRECT_LEN) {
		from += off;
		if (from + size <= end) {
			copy(to, from, size);
			return true;
		}
	}
	return !bpf_skb_load_bytes(skb, off, to, size);
}

/* load_at is load for another place than that which the walk has come to. */
static __always_inline bool load_at(struct __sk_buff *skb, struct packet *pkt, __u32 off, void *to, __u32 size)
{
	__u32 before = pkt->off;
	bool ok;

	pkt->off = off;
	ok = load(skb, pkt, to, size);
	pkt->off = before;
	return ok;
}
