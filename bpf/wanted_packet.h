// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// Whether anybody wants the events of a packet, see wanted.h.

#pragma once

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "emit.h"
#include "icmp.h"
#include "packet.h"
#include "transport.h"
#include "wanted.h"

#define SCTP_HEADER_LEN 12

/* describe_addresses sets the addresses of a packet, and returns false if it can't. */
static __always_inline bool describe_addresses(struct __sk_buff *skb, struct packet *pkt, struct monitor_packet *packet)
{
	__be32 v4[2];

	if (pkt->family == 6) {
		packet->ipv6 = 1;
		return load_at(skb, pkt, pkt->ip_off + offsetof(struct ipv6hdr, saddr), packet->src,
			       sizeof(packet->src) + sizeof(packet->dst));
	}
	if (!load_at(skb, pkt, pkt->ip_off + offsetof(struct iphdr, saddr), v4, sizeof(v4)))
		return false;
	packet->src[2] = packet->dst[2] = bpf_htonl(0xffff);
	packet->src[3] = v4[0];
	packet->dst[3] = v4[1];
	return true;
}

/* describe_transport sets the ports, and returns false if the packet is not as simple as that: if there can be a packet
 * in it, if its message says more addresses, or if its header is cut or malformed.
 */
static __always_inline bool describe_transport(struct __sk_buff *skb, struct packet *pkt, struct monitor_packet *packet)
{
	union {
		__be16 ports[2]; /* the same place in all */
		struct tcphdr tcp;
		struct udphdr udp;
		__u8 sctp[SCTP_HEADER_LEN];
		__u8 icmp[ICMP_HEADER_LEN]; /* the first is the type */
	} h;
	__u32 off = pkt->transport_off;

	switch (pkt->proto) {
	case IPPROTO_TCP:
		if (!load_at(skb, pkt, off, &h.tcp, sizeof(h.tcp)) || h.tcp.doff < 5 || off + h.tcp.doff * 4 > pkt->end)
			return false;
		break;
	case IPPROTO_UDP:
		if (pkt->tunnel || !load_at(skb, pkt, off, &h.udp, sizeof(h.udp)) || (h.udp.len && bpf_ntohs(h.udp.len) < sizeof(h.udp)))
			return false;
		break;
	case IPPROTO_SCTP:
		if (!load_at(skb, pkt, off, &h.sctp, sizeof(h.sctp)))
			return false;
		break;
	case IPPROTO_ICMP:
		return pkt->family == 4 && load_at(skb, pkt, off, &h.icmp, sizeof(h.icmp)) &&
		       (h.icmp[0] == ICMPV4_ECHO || h.icmp[0] == ICMPV4_ECHO_REPLY);
	case IPPROTO_ICMPV6:
		return pkt->family == 6 && load_at(skb, pkt, off, &h.icmp, sizeof(h.icmp)) &&
		       (h.icmp[0] == ICMPV6_ECHO || h.icmp[0] == ICMPV6_ECHO_REPLY);
	default:
		return false;
	}
	packet->src_port = bpf_ntohs(h.ports[0]);
	packet->dst_port = bpf_ntohs(h.ports[1]);
	return true;
}

/* wants_packet tells whether anybody wants an event of a type that is about a packet.
 *
 * It is neither inlined nor static, so that the verifier looks at it by itself.
 */
__noinline int wants_packet(struct __sk_buff *skb, struct packet *pkt, __u32 type)
{
	struct monitor_packet packet = { .src_port = MONITOR_NO_PORT, .dst_port = MONITOR_NO_PORT };

	if (!pkt || !pkt->transport_off || pkt->extended || !describe_addresses(skb, pkt, &packet) || !describe_transport(skb, pkt, &packet))
		return true;
	packet.protocol = pkt->proto;
	return monitor_wants_packet(&events_wanted, type, &packet);
}

/* wants_event is wants for an event about a packet, which has been parsed. */
static __always_inline bool wants_event(struct __sk_buff *skb, struct packet *pkt, enum event_type type)
{
	return wants(type) && (!monitor_refines(&events_wanted, type) || wants_packet(skb, pkt, type));
}
