// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// ICMP messages: which of them deny rules leave alone.
//
// RFC 4890, sections 4.3.1 and 4.4.1, lists what of ICMPv6 a firewall must not drop. What a link
// needs to work is dropped by no rule: neighbour and router discovery, multicast listeners and
// their routers, and what secures them. (IPv4 has ARP for that, which is not IP; it works without
// IGMP.) Errors, also those of ICMP in IPv4, are not dropped by rules for the
// protocol icmp: without them, connections stall (packet too big) or hang. Echo is in the RFC's lists too, but what
// a rule for icmp is for.

#pragma once

#include "packet.h"

#define ICMP_HEADER_LEN 8
#define ICMPV6_REDIRECT_LEN 40 /* without options, of which one is the redirected packet */

enum icmpv4_type {
	ICMPV4_ECHO_REPLY = 0,
	ICMPV4_UNREACHABLE = 3,
	ICMPV4_SOURCE_QUENCH = 4,
	ICMPV4_REDIRECT = 5,
	ICMPV4_ECHO = 8,
	ICMPV4_TIME_EXCEEDED = 11,
	ICMPV4_PARAMETER_PROBLEM = 12,
};

enum icmpv6_type {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PARAMETER_PROBLEM = 4, /* between them: packet too big, time exceeded */
	ICMPV6_LAST_ERROR = 127,
	ICMPV6_ECHO = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMPV6_LISTENER_QUERY = 130, /* to 132: report, done */
	ICMPV6_ROUTER_SOLICITATION = 133, /* to 137: router advertisement, neighbours, redirect */
	ICMPV6_REDIRECT = 137,
	ICMPV6_INVERSE_SOLICITATION = 141,
	ICMPV6_INVERSE_ADVERTISEMENT = 142,
	ICMPV6_LISTENER_REPORT_2 = 143,
	ICMPV6_CERTIFICATE_SOLICITATION = 148,
	ICMPV6_CERTIFICATE_ADVERTISEMENT = 149,
	ICMPV6_MULTICAST_ROUTER_ADVERTISEMENT = 151, /* to 153: solicitation, termination */
	ICMPV6_MULTICAST_ROUTER_TERMINATION = 153,
};

static __always_inline void parse_icmpv4(struct __sk_buff *skb, struct packet *pkt)
{
	__u8 type;

	if (!load(skb, pkt, &type, sizeof(type)))
		return;
	switch (type) {
	case ICMPV4_UNREACHABLE:
	case ICMPV4_TIME_EXCEEDED:
	case ICMPV4_PARAMETER_PROBLEM:
		pkt->spared = SPARED_BY_ICMP_RULES;
		break;
	case ICMPV4_SOURCE_QUENCH:
	case ICMPV4_REDIRECT:
		break;
	default:
		return;
	}
	pkt->extra = pkt->quoted_off = pkt->off + ICMP_HEADER_LEN;
}

static __always_inline void parse_icmpv6(struct __sk_buff *skb, struct packet *pkt)
{
	__u8 type;

	if (!load(skb, pkt, &type, sizeof(type)))
		return;
	if (type <= ICMPV6_LAST_ERROR) {
		if (type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM)
			pkt->spared = SPARED_BY_ICMP_RULES;
		pkt->extra = pkt->quoted_off = pkt->off + ICMP_HEADER_LEN;
		return;
	}
	if (type == ICMPV6_REDIRECT)
		pkt->extra = pkt->off + ICMPV6_REDIRECT_LEN;
	switch (type) {
	case ICMPV6_LISTENER_QUERY ... ICMPV6_REDIRECT:
	case ICMPV6_INVERSE_SOLICITATION:
	case ICMPV6_INVERSE_ADVERTISEMENT:
	case ICMPV6_LISTENER_REPORT_2:
	case ICMPV6_CERTIFICATE_SOLICITATION:
	case ICMPV6_CERTIFICATE_ADVERTISEMENT:
	case ICMPV6_MULTICAST_ROUTER_ADVERTISEMENT ... ICMPV6_MULTICAST_ROUTER_TERMINATION:
		pkt->spared = SPARED_BY_ALL_RULES;
	}
}
