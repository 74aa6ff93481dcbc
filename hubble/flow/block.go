// SPDX-License-Identifier: Apache-2.0

package flow

import (
	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// block has the messages that a flow of a packet is made of, for one allocation instead of a dozen.
type block struct {
	flow        flowpb.Flow
	time        timestamppb.Timestamp
	emitter     flowpb.Emitter
	eventType   flowpb.CiliumEventType
	source      flowpb.Endpoint
	destination flowpb.Endpoint
	ethernet    flowpb.Ethernet
	ip          flowpb.IP
	l4          flowpb.Layer4
	networkIf   flowpb.NetworkInterface
	file        flowpb.FileInfo
	isReply     wrapperspb.BoolValue
}

// tcpBlock has the messages of TCP.
type tcpBlock struct {
	oneof flowpb.Layer4_TCP
	tcp   flowpb.TCP
	flags flowpb.TCPFlags
}

// udpBlock has the messages of UDP.
type udpBlock struct {
	oneof flowpb.Layer4_UDP
	udp   flowpb.UDP
}

// tunnelBlock has the messages of a tunnel.
type tunnelBlock struct {
	tunnel flowpb.Tunnel
	ip     flowpb.IP
	l4     flowpb.Layer4
}
