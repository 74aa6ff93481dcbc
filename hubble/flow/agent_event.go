// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/cilium/monitor/api"
)

// agentEvent makes the event of an agent notification. One of a kind that the API does not have, or that is not what its
// kind says, is unknown, with its JSON.
func agentEvent(sample []byte) (proto.Message, error) {
	var n api.AgentNotify
	if err := n.Decode(sample); err != nil {
		return nil, err
	}
	if convert, ok := notifications[n.Type]; ok {
		if m := convert(n); m != nil {
			return m, nil
		}
	}
	return &flowpb.AgentEvent{
		Type: flowpb.AgentEventType_AGENT_EVENT_UNKNOWN,
		Notification: &flowpb.AgentEvent_Unknown{Unknown: &flowpb.AgentEventUnknown{
			Type: strconv.FormatUint(uint64(n.Type), 10), Notification: n.Text,
		}},
	}, nil
}

// notifications makes the events of notifications by type; nil of one that is not what its type says.
var notifications = map[api.AgentNotification]func(api.AgentNotify) *flowpb.AgentEvent{
	api.AgentNotifyStart:                     started,
	api.AgentNotifyPolicyUpdated:             policyUpdate,
	api.AgentNotifyPolicyDeleted:             policyUpdate,
	api.AgentNotifyEndpointRegenerateSuccess: endpointRegeneration,
	api.AgentNotifyEndpointRegenerateFail:    endpointRegeneration,
	api.AgentNotifyEndpointCreated:           endpointUpdate,
	api.AgentNotifyEndpointDeleted:           endpointUpdate,
	api.AgentNotifyIPCacheUpserted:           ipcacheUpdate,
	api.AgentNotifyIPCacheDeleted:            ipcacheUpdate,
}

// agentEventTypes has the API's types of notifications, which are in another order.
var agentEventTypes = map[api.AgentNotification]flowpb.AgentEventType{
	api.AgentNotifyStart:                     flowpb.AgentEventType_AGENT_STARTED,
	api.AgentNotifyPolicyUpdated:             flowpb.AgentEventType_POLICY_UPDATED,
	api.AgentNotifyPolicyDeleted:             flowpb.AgentEventType_POLICY_DELETED,
	api.AgentNotifyEndpointRegenerateSuccess: flowpb.AgentEventType_ENDPOINT_REGENERATE_SUCCESS,
	api.AgentNotifyEndpointRegenerateFail:    flowpb.AgentEventType_ENDPOINT_REGENERATE_FAILURE,
	api.AgentNotifyEndpointCreated:           flowpb.AgentEventType_ENDPOINT_CREATED,
	api.AgentNotifyEndpointDeleted:           flowpb.AgentEventType_ENDPOINT_DELETED,
	api.AgentNotifyIPCacheUpserted:           flowpb.AgentEventType_IPCACHE_UPSERTED,
	api.AgentNotifyIPCacheDeleted:            flowpb.AgentEventType_IPCACHE_DELETED,
}

func started(n api.AgentNotify) *flowpb.AgentEvent {
	var v api.TimeNotification
	if json.Unmarshal([]byte(n.Text), &v) != nil {
		return nil
	}
	m := new(flowpb.TimeNotification)
	if t, err := time.Parse(time.RFC3339Nano, v.Time); err == nil {
		m.Time = timestamppb.New(t)
	}
	return &flowpb.AgentEvent{Type: agentEventTypes[n.Type], Notification: &flowpb.AgentEvent_AgentStart{AgentStart: m}}
}

func policyUpdate(n api.AgentNotify) *flowpb.AgentEvent {
	var v api.PolicyUpdateNotification
	if json.Unmarshal([]byte(n.Text), &v) != nil {
		return nil
	}
	m := &flowpb.PolicyUpdateNotification{Labels: v.Labels, Revision: v.Revision, RuleCount: int64(v.RuleCount)}
	return &flowpb.AgentEvent{Type: agentEventTypes[n.Type], Notification: &flowpb.AgentEvent_PolicyUpdate{PolicyUpdate: m}}
}

func endpointRegeneration(n api.AgentNotify) *flowpb.AgentEvent {
	var v api.EndpointRegenNotification
	if json.Unmarshal([]byte(n.Text), &v) != nil {
		return nil
	}
	m := &flowpb.EndpointRegenNotification{Id: v.ID, Labels: v.Labels, Error: v.Error}
	return &flowpb.AgentEvent{
		Type: agentEventTypes[n.Type], Notification: &flowpb.AgentEvent_EndpointRegenerate{EndpointRegenerate: m},
	}
}

func endpointUpdate(n api.AgentNotify) *flowpb.AgentEvent {
	var v api.EndpointNotification
	if json.Unmarshal([]byte(n.Text), &v) != nil {
		return nil
	}
	m := &flowpb.EndpointUpdateNotification{Id: v.ID, Labels: v.Labels, Error: v.Error, PodName: v.PodName, Namespace: v.Namespace}
	return &flowpb.AgentEvent{
		Type: agentEventTypes[n.Type], Notification: &flowpb.AgentEvent_EndpointUpdate{EndpointUpdate: m},
	}
}

func ipcacheUpdate(n api.AgentNotify) *flowpb.AgentEvent {
	var v api.IPCacheNotification
	if json.Unmarshal([]byte(n.Text), &v) != nil {
		return nil
	}
	m := &flowpb.IPCacheNotification{
		Cidr: v.CIDR, Identity: uint32(v.Identity), HostIp: hostIP(v.HostIP), OldHostIp: hostIP(v.OldHostIP),
		EncryptKey: uint32(v.EncryptKey), Namespace: v.Namespace, PodName: v.PodName,
	}
	if v.OldIdentity != nil {
		m.OldIdentity = wrapperspb.UInt32(uint32(*v.OldIdentity))
	}
	return &flowpb.AgentEvent{
		Type: agentEventTypes[n.Type], Notification: &flowpb.AgentEvent_IpcacheUpdate{IpcacheUpdate: m},
	}
}

// hostIP returns the text of an address, empty if there is none.
func hostIP(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
