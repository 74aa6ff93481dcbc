// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

// A program for the kernel's tracepoint skb:kfree_skb, where packets that are dropped end. It counts them by reason,
// function, device and direction, and writes an event for each, as far as somebody wants it.

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel_drops.h"
#include "kernel_types.h"
#include "rate_limit.h"
#include "ringbuf_losses.h"
#include "suppressed.h"
#include "wanted.h"

/* How many arguments the tracepoint has: the packet and the address of the function that dropped it; since Linux 5.17 the
 * reason, since 6.11 the receiving socket.
 */
const volatile __u32 arguments = 2;

/* Reasons of the kernel's core that are noise: bit n % 64 of word n / 64 stands for reason n. Without tell_noise they are
 * counted only.
 */
const volatile __u64 noise_reasons[4] = {};
const volatile bool tell_noise = false;

/* The reason where none was given, which is one of its own. */
const volatile __u32 not_specified = ~0U;
const volatile __u32 no_socket = ~0U;

/* Reasons that say no more than that this host has no use for a packet: noise if it went to many. */
const volatile __u32 unhandled_proto = ~0U;
const volatile __u32 no_routes = ~0U;

/* The network namespace whose devices are told apart by the counters. */
const volatile __u32 own_netns = 0;

/* Each CPU writes 1000 events of one kind in a second, and at once. */
static const struct monitor_rate event_rate = { .interval = 1000000, .burst = 1000000000 };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* the loader sets its size */
} drop_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} drops_lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct monitor_wanted);
} drops_wanted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_KERNEL_DROP + 1);
	__type(key, __u32);
	__type(value, struct monitor_suppressed);
} drops_suppressed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct drop_kind);
	__type(value, struct drop_count);
} drop_counts SEC(".maps");

/* Drops for which there was no room among those. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop_count);
} other_drops SEC(".maps");

/* The names of functions, which the agent may not be allowed to look up by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct function);
} functions SEC(".maps");

static const char function_format[] = "%pB";

/* A network namespace is known by the inode of its file, which is one of a range at the end: by that a struct is
 * told from memory that is something else.
 */
#define FIRST_NAMESPACE_INODE 0xefffff00

/* Of linux/if_arp.h, which needs the C library. */
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772

/* The place of the Ethernet header where there is none. */
#define NO_MAC_HEADER 0xffff

/* Of net/tcp_states.h. */
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12

/* Whether the loader has put something into preempt_count. */
const volatile bool knows_context = false;

/* preempt_count returns the kernel's count of what keeps this CPU from other processes. Where that is differs between
 * kernels: the loader replaces the instructions.
 */
__noinline int preempt_count(void)
{
	int count;

	asm volatile("%0 = 0" : "=r"(count));
	return count;
}

/* Of linux/preempt.h: an NMI, an interrupt, or a softirq is being served. */
#define SERVING 0x00ff0100
#define PF_KTHREAD 0x00200000 /* of linux/sched.h */

/* in_process tells whether the program runs in the context of a process of user space. */
static __always_inline bool in_process(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return knows_context && !(preempt_count() & SERVING) && !(task->flags & PF_KTHREAD);
}

/* What is known of a packet. */
struct dropped {
	struct sk_buff *skb;
	struct sock *sk;  /* NULL if there is none */
	const char *name; /* of the device, in the kernel's memory; NULL if it is not known any more */
	__u16 type;       /* of the device */
	__u32 netns;
	__u32 ifindex;
	__u8 direction;
};

/* The route of a packet is an address with flags in its lowest bits (SKB_DST_NOREF, SKB_DST_PTRMASK). */
#define DST_FLAGS 1UL

/* find_route_device finds them by the route. */
static __always_inline bool find_route_device(struct dropped *d)
{
	struct dst_entry *dst = (void *)(d->skb->_skb_refdst & ~DST_FLAGS);
	struct net_device *dev = BPF_CORE_READ(dst, dev);
	__u32 netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);

	if (netns < FIRST_NAMESPACE_INODE)
		return false;
	d->name = dev->name;
	d->type = BPF_CORE_READ(dev, type);
	d->netns = netns;
	d->ifindex = BPF_CORE_READ(dev, ifindex);
	d->direction = DIRECTION_EGRESS;
	return true;
}

/* is_coming tells, of a packet that the stack has not received by its device, whether it is on its way there: the driver
 * has taken the Ethernet header off.
 */
static __always_inline bool is_coming(const struct sk_buff *skb)
{
	__u16 mac = skb->mac_header;

	return mac != NO_MAC_HEADER && skb->data == skb->head + mac + ETH_HLEN;
}

/* find_device finds the device and the network namespace. In queues of sockets, packets have something else where
 * their device was, and where their route was. Those that are sent from here have a route before they have a device.
 */
static __always_inline void find_device(struct dropped *d)
{
	struct net_device *dev = d->skb->dev;
	__u32 netns = dev ? dev->nd_net.net->ns.inum : 0;
	int received = d->skb->skb_iif;

	if (netns >= FIRST_NAMESPACE_INODE) {
		d->name = dev->name;
		d->type = dev->type;
		d->netns = netns;
		d->ifindex = dev->ifindex;
		d->direction = received == d->ifindex || (!received && is_coming(d->skb)) ? DIRECTION_INGRESS : DIRECTION_EGRESS;
		return;
	}
	if (!received && find_route_device(d))
		return;
	if (d->sk)
		netns = d->sk->__sk_common.skc_net.net->ns.inum;
	if (netns >= FIRST_NAMESPACE_INODE)
		d->netns = netns;
	d->ifindex = received;
	d->direction = received ? DIRECTION_INGRESS : DIRECTION_EGRESS;
}

/* is_packet tells packets of networks from what sockets of the machine send to each other, Unix's and Netlink's. */
static __always_inline bool is_packet(const struct dropped *d)
{
	__u16 family;

	if (!d->skb->len && !d->skb->protocol)
		return false; /* what the kernel tries out when it adds a queue of a device */
	if (d->ifindex || d->skb->protocol)
		return true;
	if (!d->sk)
		return false;
	family = d->sk->__sk_common.skc_family;
	return family == 2 || family == 10 || family == 17; /* AF_INET, AF_INET6, AF_PACKET */
}

#define PACKET_BROADCAST 1 /* of linux/if_packet.h */
#define PACKET_MULTICAST 2
#define PACKET_LOOPBACK 5 /* this machine's own copy of what it sends to many */

static __always_inline bool is_to_many(const struct sk_buff *skb)
{
	__u8 type = BPF_CORE_READ_BITFIELD(skb, pkt_type);

	return type == PACKET_BROADCAST || type == PACKET_MULTICAST || type == PACKET_LOOPBACK;
}

/* is_function tells whether a text is that of a function, with or without what the compiler added to its name. It branches
 * once: the verifier follows each way. The text is volatile, since the compiler would keep each byte of it for the next name, on a
 * stack that is small.
 */
static __always_inline bool is_function(const volatile char *text, const char *name, int len)
{
	char differs = 0;

	for (int i = 0; i < len; i++)
		differs |= text[i] ^ name[i];
	return !differs && (text[len] == '+' || text[len] == '.');
}

#define IS_FUNCTION(text, name) is_function(text, name, sizeof(name) - 1)

/* role_of returns the role of a function, by its text. */
static __always_inline enum function_role role_of(const char *text)
{
	if (IS_FUNCTION(text, "udp_destruct_common") ||
	    IS_FUNCTION(text, "udp_destruct_sock") || /* with the former in it */
	    IS_FUNCTION(text, "tun_queue_purge") ||
	    IS_FUNCTION(text, "bpf_prog_test_run_skb") ||
	    /* Parts of a packet, which is told itself if it is dropped. */
	    IS_FUNCTION(text, "skb_release_data") ||
	    IS_FUNCTION(text, "kfree_skb_list_reason"))
		return FUNCTION_LEFTOVERS;
	if (IS_FUNCTION(text, "ping_rcv"))
		return FUNCTION_PING;
	if (IS_FUNCTION(text, "tcp_v4_rcv") || IS_FUNCTION(text, "tcp_v6_rcv"))
		return FUNCTION_TCP;
	if (IS_FUNCTION(text, "tcp_rcv_state_process"))
		return FUNCTION_TCP_STATE;
	if (IS_FUNCTION(text, "veth_xdp_rcv_skb"))
		return FUNCTION_RECEIVES;
	return FUNCTION_OTHER;
}

/* name_function has the agent know a function, and returns its role. */
static __noinline int name_function(__u64 location)
{
	struct function *known = bpf_map_lookup_elem(&functions, &location);
	struct function function = {};

	if (known)
		return known->role;
	bpf_snprintf(function.text, sizeof(function.text), function_format, &location, sizeof(location));
	function.role = role_of(function.text);
	bpf_map_update_elem(&functions, &location, &function, BPF_NOEXIST);
	return function.role;
}

#define TCP_FIN 0x01
#define TCP_SYN 0x02

/* is_closing tells whether TCP drops a packet at the end of a connection though it has done what it had to: a FIN or ACK
 * without data that a socket in TIME_WAIT has looked at, or one that is on its way out. Data and SYNs are a loss, the
 * former resets the connection. Where the kernel does not say which socket it is, pure ACKs may be others in the functions
 * that look for one, such as one that found a full backlog.
 */
static __always_inline bool is_closing(const struct dropped *d, enum function_role role)
{
	__u8 tcp[14]; /* up to the flags */

	if (bpf_probe_read_kernel(tcp, sizeof(tcp), d->skb->data))
		return false;
	if (d->skb->len != (tcp[12] >> 4) * 4 || tcp[13] & TCP_SYN)
		return false;
	if (role == FUNCTION_TCP_STATE)
		return true;
	if (arguments >= 4)
		return d->sk && d->sk->__sk_common.skc_state == TCP_TIME_WAIT;
	return tcp[13] & TCP_FIN;
}

/* is_unspecified_noise tells what of that which is dropped without a reason is no loss to anybody. That includes what
 * all hosts of a link get and this one has no use for.
 */
static __always_inline bool is_unspecified_noise(const struct dropped *d, enum function_role role)
{
	if (is_to_many(d->skb))
		return true;
	switch (role) {
	case FUNCTION_LEFTOVERS:
		return true;
	case FUNCTION_TCP:
	case FUNCTION_TCP_STATE:
		return is_closing(d, role);
	default:
		return false;
	}
}

/* is_noise tells what is no loss to anybody. */
static __always_inline bool is_noise(const struct dropped *d, enum function_role role, __u32 reason)
{
	if (reason == not_specified)
		return is_unspecified_noise(d, role);
	if ((reason == unhandled_proto || reason == no_routes) && is_to_many(d->skb))
		return true;
	/* ping as root has a raw socket, which has got it. */
	if (reason == no_socket && role == FUNCTION_PING)
		return true;
	return reason < 256 && noise_reasons[(reason / 64) & 3] >> (reason % 64) & 1;
}

static __always_inline struct drop_count *count_of(const struct drop_kind *kind)
{
	struct drop_count *count = bpf_map_lookup_elem(&drop_counts, kind);
	struct drop_count none = {};
	__u32 key = 0;

	if (count)
		return count;
	name_function(kind->location);
	bpf_map_update_elem(&drop_counts, kind, &none, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&drop_counts, kind);
	return count ?: bpf_map_lookup_elem(&other_drops, &key);
}

static __always_inline bool has_vlan_tag(struct sk_buff *skb)
{
	struct sk_buff___vlan_present *old = (void *)skb;

	if (bpf_core_field_exists(old->vlan_present))
		return BPF_CORE_READ_BITFIELD(old, vlan_present);
	return skb->vlan_proto;
}

#define MAC_LEN (2 * ETH_ALEN)
#define VLAN_TAG_LEN 4

/* has_ethernet tells whether the packet's Ethernet header is there. */
static __always_inline bool has_ethernet(const struct dropped *d, __u32 mac, __u32 network, __u32 tail)
{
	if (mac == NO_MAC_HEADER || mac + ETH_HLEN > tail || (network > mac && network < mac + ETH_HLEN) || network == mac)
		return false;
	if (!d->name)
		return network == mac + ETH_HLEN;
	return d->type == ARPHRD_ETHER || d->type == ARPHRD_LOOPBACK;
}

/* capture copies the start of the packet, from the outermost header that is there. */
static __always_inline void capture(const struct dropped *d, struct kernel_drop *event)
{
	struct sk_buff *skb = d->skb;
	unsigned char *head = skb->head;
	__u32 mac = skb->mac_header, network = skb->network_header, tail = skb->tail;
	__u32 data = skb->data - head, start = data, len;

	if (has_ethernet(d, mac, network, tail)) {
		start = mac;
	} else {
		event->flags |= FLAG_L3_DEVICE;
		if (network && network < tail)
			start = network;
	}
	event->len_orig = skb->len + data - start;
	len = tail > start ? tail - start : 0;
	if (!(event->flags & FLAG_L3_DEVICE) && has_vlan_tag(skb)) {
		__be16 tag[] = { skb->vlan_proto, bpf_htons(skb->vlan_tci) };

		if (bpf_probe_read_kernel(event->packet, MAC_LEN, head + start))
			return;
		__builtin_memcpy(event->packet + MAC_LEN, tag, VLAN_TAG_LEN);
		event->len_orig += VLAN_TAG_LEN;
		event->len_cap = MAC_LEN + VLAN_TAG_LEN;
		start += MAC_LEN;
		len -= MAC_LEN;
		if (len > KERNEL_CAPTURE_LEN - MAC_LEN - VLAN_TAG_LEN)
			len = KERNEL_CAPTURE_LEN - MAC_LEN - VLAN_TAG_LEN;
		if (!bpf_probe_read_kernel(event->packet + MAC_LEN + VLAN_TAG_LEN, len, head + start))
			event->len_cap += len;
		return;
	}
	if (len > KERNEL_CAPTURE_LEN)
		len = KERNEL_CAPTURE_LEN;
	if (!bpf_probe_read_kernel(event->packet, len, head + start))
		event->len_cap = len;
}

static __always_inline __u64 cgroup_id(struct sock *sk)
{
	__u8 state;

	if (!sk)
		return 0;
	state = sk->__sk_common.skc_state;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return 0; /* smaller structs, without a cgroup */
	return sk->sk_cgrp_data.cgroup->kn->id;
}

static __noinline int emit_drop(struct dropped *d, __u64 location, __u32 reason, __u32 limited)
{
	struct kernel_drop *event = bpf_ringbuf_reserve(&drop_events, sizeof(*event), 0);
	struct sk_buff *skb = d->skb;

	if (!event) {
		count_lost(&drops_lost);
		return 0;
	}
	__builtin_memset(event, 0, __builtin_offsetof(struct kernel_drop, packet));
	event->location = location;
	event->type = EVENT_KERNEL_DROP;
	event->version = KERNEL_DROP_VERSION;
	event->hash = skb->hash;
	event->reason = reason;
	event->ifindex = d->ifindex;
	event->cgroup_id = cgroup_id(d->sk);
	event->netns = d->netns;
	event->limited = limited;
	event->mark = skb->mark;
	event->protocol = bpf_ntohs(skb->protocol);
	event->flags = event->protocol == ETH_P_IPV6 ? FLAG_IPV6 : 0;
	if (d->netns != own_netns)
		event->flags |= FLAG_OTHER_NETNS;
	event->direction = d->direction;
	if (d->name)
		bpf_probe_read_kernel(event->device, sizeof(event->device), d->name);
	if (in_process()) {
		event->pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(event->process, sizeof(event->process));
	}
	capture(d, event);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/kfree_skb")
int kernel_drop(__u64 *ctx)
{
	struct dropped d = { .skb = (void *)ctx[0] };
	struct drop_kind kind = { .location = ctx[1] };
	enum function_role role = FUNCTION_OTHER;
	struct drop_count *count;
	__u32 limited;

	if (arguments >= 3)
		kind.reason = ctx[2];
	d.sk = d.skb->sk;
	if (arguments >= 4 && !d.sk)
		d.sk = (void *)ctx[3];
	find_device(&d);
	if (kind.reason == not_specified || kind.reason == no_socket)
		role = name_function(kind.location);
	if (role == FUNCTION_RECEIVES)
		d.direction = DIRECTION_INGRESS;
	kind.direction = d.direction;
	if (d.name && d.netns == own_netns)
		bpf_probe_read_kernel(kind.device, sizeof(kind.device), d.name);
	kind.noise = is_noise(&d, role, kind.reason) || !is_packet(&d);

	count = count_of(&kind);
	if (!count)
		return 0;
	__sync_fetch_and_add(&count->drops, 1);
	if ((kind.noise && !tell_noise) || !monitor_wants(&drops_wanted, EVENT_KERNEL_DROP))
		return 0;
	if (!monitor_take_from(&count->bucket, &event_rate)) {
		monitor_count_rate_limited(&drops_suppressed, EVENT_KERNEL_DROP);
		__sync_fetch_and_add(&count->limited, 1);
		__sync_fetch_and_add(&count->pending, 1);
		return 0;
	}
	limited = count->pending;
	if (limited)
		__sync_fetch_and_add(&count->pending, -limited);
	return emit_drop(&d, kind.location, kind.reason, limited);
}

char _license[] SEC("license") = "Dual BSD/GPL";
