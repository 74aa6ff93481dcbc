// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// What the kernel's connection tracking knows of a packet: the reason of its trace.
//
// A packet that went through connection tracking already has its state with it: what is sent, and what loopback
// delivers. One that comes in has not been there yet: what state it will get is looked up.
//
// The functions for that are neither inlined nor static, and call no others, so that the loader can replace those that do what the
// kernel does not allow. All are small: of one that is all of them some kernels (6.1 and 6.12) fail to make machine code, and
// without that no function of the kernel can be called.

#pragma once

#include <asm-generic/errno.h>
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "events.h"
#include "ip.h"
#include "packet.h"

/* The bits of sk_buff._nfct that are the packet's state; the others are the connection's address. */
#define NFCT_STATE 7ul

/* NF_IP_PRI_CONNTRACK and NF_IP6_PRI_CONNTRACK, the priority of the hook that tracks connections, and NF_INET_PRE_ROUTING, the
 * place that it has for packets that come in.
 */
#define PRIORITY_CONNTRACK -200
#define HOOK_PRE_ROUTING 0

/* How many hooks are looked at: there is one for each table of a firewall, and conntrack's is among the first. */
#define MAX_HOOKS 8

#define TCP_FLAGS_OFFSET 13
#define TCP_OPENING_MASK 0x17 /* FIN, SYN, RST, ACK */
#define TCP_OPENING 0x02      /* SYN */

/* The kernel's own structs, as far as they matter. Offsets are those of the running kernel (CO-RE). */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct nf_hook_entry {
	void *hook;
	void *priv;
};

/* Behind the hooks are as many pointers to their options. */
struct nf_hook_entries {
	__u16 num_hook_entries;
	struct nf_hook_entry hooks[];
};

struct nf_hook_ops {
	void *priv;
	int priority;
};

struct netns_nf {
	struct nf_hook_entries *hooks_ipv4[5];
	struct nf_hook_entries *hooks_ipv6[5];
};

struct net {
	struct netns_nf nf;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
};

struct sk_buff {
	struct net_device *dev;
	unsigned long _nfct;
};

struct nf_conn {
	unsigned long status;
};

#pragma clang attribute pop

#define NO_CONNECTION -1

#define DIR_REPLY 1 /* IP_CT_DIR_REPLY of the kernel's enum ip_conntrack_dir */

/* As it was first: later kernels take this size as well. */
struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir; /* of the packet, set by the lookup */
	__u8 reserved[2];
};

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb_ctx, struct bpf_sock_tuple *bpf_tuple, __u32 tuple__sz,
					 struct bpf_ct_opts *opts, __u32 opts__sz) __ksym;
extern void bpf_ct_release(struct nf_conn *nf_conn) __ksym;

/* tracked_state returns the state that a packet has with it. */
__noinline int tracked_state(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb = (void *)skb;
	unsigned long nfct = 0;

	if (!bpf_core_field_exists(kernel_skb->_nfct))
		return TRACE_REASON_UNKNOWN;
	if (bpf_core_read(&nfct, sizeof(nfct), &kernel_skb->_nfct) || !nfct)
		return TRACE_REASON_UNKNOWN;
	switch (nfct & NFCT_STATE) {
	case IP_CT_NEW:
		return TRACE_REASON_NEW;
	case IP_CT_ESTABLISHED:
		return TRACE_REASON_ESTABLISHED;
	case IP_CT_ESTABLISHED_REPLY:
		return TRACE_REASON_REPLY;
	case IP_CT_RELATED:
	case IP_CT_RELATED_REPLY:
		return TRACE_REASON_RELATED;
	default:
		return TRACE_REASON_UNKNOWN;
	}
}

/* pre_routing_hooks returns the hooks for packets of a family that come in, in the network namespace of skb, NULL if there are none. */
static __always_inline struct nf_hook_entries *pre_routing_hooks(struct __sk_buff *skb, __u32 family)
{
	struct sk_buff *kernel_skb = (void *)skb;
	struct net *net = BPF_CORE_READ(kernel_skb, dev, nd_net.net);

	return family == 4 ? BPF_CORE_READ(net, nf.hooks_ipv4[HOOK_PRE_ROUTING]) : BPF_CORE_READ(net, nf.hooks_ipv6[HOOK_PRE_ROUTING]);
}

/* has_hooks tells whether there are any: that is known sooner than that there is no connection. */
__noinline int has_hooks(struct __sk_buff *skb, __u32 family)
{
	return pre_routing_hooks(skb, family) != NULL;
}

/* tracks_connections tells whether packets of a family that come in are tracked in the network namespace of skb. */
__noinline int tracks_connections(struct __sk_buff *skb, __u32 family)
{
	struct nf_hook_entries *hooks = pre_routing_hooks(skb, family);
	struct nf_hook_ops **all, *ops;
	__u16 n;

	if (!hooks)
		return false;
	n = BPF_CORE_READ(hooks, num_hook_entries);
	all = (void *)hooks + bpf_core_field_offset(hooks->hooks) + n * sizeof(struct nf_hook_entry);
	for (int i = 0; i < MAX_HOOKS && i < n; i++) {
		if (bpf_probe_read_kernel(&ops, sizeof(ops), &all[i]))
			return false;
		/* A table of a firewall can have the priority as well, but has something of its own. */
		if (BPF_CORE_READ(ops, priority) == PRIORITY_CONNTRACK && !BPF_CORE_READ(ops, priv))
			return true;
	}
	return false;
}

/* read reads bytes of the packet, as far as its headers say that it goes. Places behind quoted headers are too much for some
 * verifiers, unless a helper looks there.
 */
static __always_inline bool read(struct __sk_buff *skb, const struct packet *pkt, __u32 off, void *to, __u32 size)
{
	return off + size <= pkt->end && !bpf_skb_load_bytes(skb, off, to, size);
}

/* load_tuple sets the tuple of a packet, whose IP header and what it carries are at these places. It returns false if it can't. */
static __always_inline bool load_tuple(struct __sk_buff *skb, const struct packet *pkt, __u32 ip_off, __u32 transport_off,
				       struct bpf_sock_tuple *tuple)
{
	if (pkt->family == 4)
		return read(skb, pkt, ip_off + offsetof(struct iphdr, saddr), &tuple->ipv4.saddr, 8) &&
		       read(skb, pkt, transport_off, &tuple->ipv4.sport, 4);
	return read(skb, pkt, ip_off + offsetof(struct ipv6hdr, saddr), tuple->ipv6.saddr, 32) &&
	       read(skb, pkt, transport_off, &tuple->ipv6.sport, 4);
}

/* own_tuple sets the tuple of a packet and returns its protocol, 0 if it has none that can be looked up. */
__noinline int own_tuple(struct __sk_buff *skb, struct packet *pkt, struct bpf_sock_tuple *tuple)
{
	if (!pkt || !tuple || (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP) ||
	    !load_tuple(skb, pkt, pkt->ip_off, pkt->transport_off, tuple))
		return 0;
	return pkt->proto;
}

static __always_inline void swap_words(__be32 *a, __be32 *b)
{
	__be32 was = *a;

	*a = *b;
	*b = was;
}

static __always_inline void swap_ports(__be16 *a, __be16 *b)
{
	__be16 was = *a;

	*a = *b;
	*b = was;
}

/* quoted_tuple is own_tuple for the packet that an ICMP error is about: the tuple is that of an answer to it. A host knows its
 * connection by the answer, also where it translates addresses.
 */
__noinline int quoted_tuple(struct __sk_buff *skb, struct packet *pkt, struct bpf_sock_tuple *tuple)
{
	__u32 off, transport_off;
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} ip;
	__u8 proto;

	if (!pkt || !tuple)
		return 0;
	off = pkt->quoted_off;
	if (pkt->family == 4) {
		if (!read(skb, pkt, off, &ip.v4, sizeof(ip.v4)) || ip.v4.version != 4 || ip.v4.frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
			return 0;
		proto = ip.v4.protocol;
		transport_off = off + ip.v4.ihl * 4;
	} else {
		if (!read(skb, pkt, off, &ip.v6, sizeof(ip.v6)) || ip.v6.version != 6)
			return 0;
		proto = ip.v6.nexthdr;
		transport_off = off + sizeof(ip.v6);
	}
	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) || !load_tuple(skb, pkt, off, transport_off, tuple))
		return 0;
	if (pkt->family == 4) {
		swap_words(&tuple->ipv4.saddr, &tuple->ipv4.daddr);
		swap_ports(&tuple->ipv4.sport, &tuple->ipv4.dport);
		return proto;
	}
	for (int i = 0; i < 4; i++)
		swap_words(&tuple->ipv6.saddr[i], &tuple->ipv6.daddr[i]);
	swap_ports(&tuple->ipv6.sport, &tuple->ipv6.dport);
	return proto;
}

/* look_up returns the state of a packet that comes in and has a tuple, NO_CONNECTION if there is none. */
__noinline int look_up(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 family, __u32 proto)
{
	struct bpf_ct_opts opts = { .netns_id = BPF_F_CURRENT_NETNS, .l4proto = proto };
	unsigned long status;
	struct nf_conn *ct;

	if (!tuple)
		return TRACE_REASON_UNKNOWN;
	ct = bpf_skb_ct_lookup(skb, tuple, family == 4 ? sizeof(tuple->ipv4) : sizeof(tuple->ipv6), &opts, sizeof(opts));
	if (!ct)
		return opts.error == -ENOENT ? NO_CONNECTION : TRACE_REASON_UNKNOWN;
	status = ct->status;
	bpf_ct_release(ct);
	if (opts.dir == DIR_REPLY)
		return TRACE_REASON_REPLY;
	if (status & IPS_SEEN_REPLY)
		return TRACE_REASON_ESTABLISHED;
	return status & IPS_EXPECTED ? TRACE_REASON_RELATED : TRACE_REASON_NEW;
}

/* opens_connection tells whether a packet, of no connection that is known, is the first one of its own. Others of TCP may be
 * invalid to the kernel, depending on its settings.
 */
static __always_inline bool opens_connection(struct __sk_buff *skb, const struct packet *pkt)
{
	__u8 flags;

	return pkt->proto == IPPROTO_UDP ||
	       (read(skb, pkt, pkt->transport_off + TCP_FLAGS_OFFSET, &flags, sizeof(flags)) &&
		(flags & TCP_OPENING_MASK) == TCP_OPENING);
}

/* connection_state returns the reason of a packet's trace. What comes in can be looked up if it is of TCP or UDP, or an error
 * about that.
 */
static __noinline int connection_state(struct __sk_buff *skb, struct packet *pkt, bool ingress)
{
	int state = tracked_state(skb), proto;
	struct bpf_sock_tuple tuple = {};

	if (state != TRACE_REASON_UNKNOWN || !ingress || !pkt->transport_off || !has_hooks(skb, pkt->family))
		return state;
	proto = pkt->quoted_off ? quoted_tuple(skb, pkt, &tuple) : own_tuple(skb, pkt, &tuple);
	if (!proto)
		return TRACE_REASON_UNKNOWN;
	state = look_up(skb, &tuple, pkt->family, proto);
	if (pkt->quoted_off)
		return state == NO_CONNECTION || state == TRACE_REASON_UNKNOWN ? TRACE_REASON_UNKNOWN : TRACE_REASON_RELATED;
	if (state != NO_CONNECTION)
		return state;
	return opens_connection(skb, pkt) && tracks_connections(skb, pkt->family) ? TRACE_REASON_NEW : TRACE_REASON_UNKNOWN;
}
