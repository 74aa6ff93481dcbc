// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"strconv"
)

// AgentNotification is the type of an agent notification.
type AgentNotification uint32

// Types of agent notifications.
const (
	AgentNotifyUnspec                    AgentNotification = 0
	AgentNotifyGeneric                   AgentNotification = 1
	AgentNotifyStart                     AgentNotification = 2
	AgentNotifyEndpointRegenerateSuccess AgentNotification = 3
	AgentNotifyEndpointRegenerateFail    AgentNotification = 4
	AgentNotifyPolicyUpdated             AgentNotification = 5
	AgentNotifyPolicyDeleted             AgentNotification = 6
	AgentNotifyEndpointCreated           AgentNotification = 7
	AgentNotifyEndpointDeleted           AgentNotification = 8
	AgentNotifyIPCacheUpserted           AgentNotification = 9
	AgentNotifyIPCacheDeleted            AgentNotification = 10
	AgentNotifyServiceUpserted           AgentNotification = 11 // of agents up to Cilium 1.17
	AgentNotifyServiceDeleted            AgentNotification = 12 // of agents up to Cilium 1.17
)

var agentNotifications = []string{
	AgentNotifyUnspec:                    "unspecified",
	AgentNotifyGeneric:                   "Message",
	AgentNotifyStart:                     "Cilium agent started",
	AgentNotifyEndpointRegenerateSuccess: "Endpoint regenerated",
	AgentNotifyEndpointRegenerateFail:    "Failed endpoint regeneration",
	AgentNotifyPolicyUpdated:             "Policy updated",
	AgentNotifyPolicyDeleted:             "Policy deleted",
	AgentNotifyEndpointCreated:           "Endpoint created",
	AgentNotifyEndpointDeleted:           "Endpoint deleted",
	AgentNotifyIPCacheUpserted:           "IPCache entry upserted",
	AgentNotifyIPCacheDeleted:            "IPCache entry deleted",
	AgentNotifyServiceUpserted:           "Service upserted",
	AgentNotifyServiceDeleted:            "Service deleted",
}

// String returns the display name, such as "Endpoint created", and the decimal number
// for a type that has none.
func (t AgentNotification) String() string {
	if t < AgentNotification(len(agentNotifications)) {
		return agentNotifications[t]
	}
	return strconv.FormatUint(uint64(t), 10)
}

// AgentNotifyMessage is an agent notification as it is given to SendEvent and to
// consumers inside the process.
type AgentNotifyMessage struct {
	Type AgentNotification

	// Notification is one of the Notification structs of this package, or, for
	// [AgentNotifyGeneric], anything that encoding/json marshals.
	Notification any
}

// ToJSON returns the notification as it is sent to clients.
func (m AgentNotifyMessage) ToJSON() (AgentNotify, error) {
	text, err := m.appendJSON(nil)
	if err != nil {
		return AgentNotify{}, err
	}
	return AgentNotify{Type: m.Type, Text: string(text)}, nil
}

// Append appends the sample of the notification to dst, as that of [AgentNotify]: the message type and the gob
// stream. After an error it returns dst as it was.
func (m AgentNotifyMessage) Append(dst []byte) ([]byte, error) {
	var space [512]byte // most texts fit
	text, err := m.appendJSON(space[:0])
	if err != nil {
		return dst, err
	}
	return appendAgentNotify(append(dst, MessageTypeAgent), m.Type, text), nil
}

func (m AgentNotifyMessage) appendJSON(dst []byte) ([]byte, error) {
	text, err := appendNotification(dst, m.Notification)
	if err != nil {
		return nil, fmt.Errorf("marshal agent notification %q: %w", m.Type, err)
	}
	return text, nil
}

// AgentNotify is an agent notification as it is sent to clients (type 130). Its fields and
// its name are part of the wire format.
type AgentNotify struct {
	Type AgentNotification
	Text string // JSON
}
