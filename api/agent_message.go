// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"
)

// TimeNotification is the notification of [AgentNotifyStart].
type TimeNotification struct {
	Time string `json:"time"` // time.RFC3339Nano
}

// PolicyUpdateNotification is the notification of [AgentNotifyPolicyUpdated] and
// [AgentNotifyPolicyDeleted].
type PolicyUpdateNotification struct {
	Labels    []string `json:"labels,omitempty"`
	Revision  uint64   `json:"revision,omitempty"`
	RuleCount int      `json:"rule_count"`
}

// EndpointRegenNotification is the notification of [AgentNotifyEndpointRegenerateSuccess]
// and [AgentNotifyEndpointRegenerateFail].
type EndpointRegenNotification struct {
	ID     uint64   `json:"id,omitempty"`
	Labels []string `json:"labels,omitempty"`
	Error  string   `json:"error,omitempty"`
}

// EndpointNotification is the notification of [AgentNotifyEndpointCreated] and
// [AgentNotifyEndpointDeleted].
type EndpointNotification struct {
	EndpointRegenNotification
	PodName   string `json:"pod-name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

// IPCacheNotification is the notification of [AgentNotifyIPCacheUpserted] and
// [AgentNotifyIPCacheDeleted].
type IPCacheNotification struct {
	CIDR        string           `json:"cidr"`
	Identity    NumericIdentity  `json:"id"`
	OldIdentity *NumericIdentity `json:"old-id,omitempty"` // nil: there was none
	HostIP      netip.Addr       `json:"host-ip,omitzero"`
	OldHostIP   netip.Addr       `json:"old-host-ip,omitzero"`
	EncryptKey  uint8            `json:"encrypt-key"`
	Namespace   string           `json:"namespace,omitempty"`
	PodName     string           `json:"pod-name,omitempty"`
}

// GenericMessage returns a notification of a kind of its own: anything that
// encoding/json marshals.
func GenericMessage(notification any) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyGeneric, notification}
}

// StartMessage says that the agent started at t.
func StartMessage(t time.Time) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyStart, TimeNotification{t.Format(time.RFC3339Nano)}}
}

// PolicyUpdateMessage says that ruleCount rules were added. labels are those of the rules,
// revision is the policy's after it.
func PolicyUpdateMessage(ruleCount int, labels []string, revision uint64) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyPolicyUpdated, PolicyUpdateNotification{labels, revision, ruleCount}}
}

// PolicyDeleteMessage says that ruleCount rules were deleted. labels are those of the
// rules, revision is the policy's after it.
func PolicyDeleteMessage(ruleCount int, labels []string, revision uint64) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyPolicyDeleted, PolicyUpdateNotification{labels, revision, ruleCount}}
}

// EndpointRegenMessage says that an endpoint was regenerated, or, with an error, that it
// could not be.
func EndpointRegenMessage(id uint64, labels []string, err error) AgentNotifyMessage {
	if err != nil {
		return AgentNotifyMessage{AgentNotifyEndpointRegenerateFail, EndpointRegenNotification{id, labels, err.Error()}}
	}
	return AgentNotifyMessage{AgentNotifyEndpointRegenerateSuccess, EndpointRegenNotification{ID: id, Labels: labels}}
}

// EndpointCreateMessage says that an endpoint was created. podName and namespace can be
// empty.
func EndpointCreateMessage(id uint64, labels []string, podName, namespace string) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyEndpointCreated, endpoint(id, labels, podName, namespace)}
}

// EndpointDeleteMessage says that an endpoint was deleted. podName and namespace can be
// empty.
func EndpointDeleteMessage(id uint64, labels []string, podName, namespace string) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyEndpointDeleted, endpoint(id, labels, podName, namespace)}
}

func endpoint(id uint64, labels []string, podName, namespace string) EndpointNotification {
	return EndpointNotification{EndpointRegenNotification{ID: id, Labels: labels}, podName, namespace}
}

// IPCacheUpsertedMessage says that an entry was added to the ipcache, or changed.
func IPCacheUpsertedMessage(n IPCacheNotification) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyIPCacheUpserted, n}
}

// IPCacheDeletedMessage says that an entry was deleted from the ipcache.
func IPCacheDeletedMessage(n IPCacheNotification) AgentNotifyMessage {
	return AgentNotifyMessage{AgentNotifyIPCacheDeleted, n}
}

// monitorNotice begins the text of a [MonitorNotice].
const monitorNotice = "monitor: "

// MonitorNotice is what the monitor itself has to say: why events are missing, and that they are
// not any more. It is a generic message, which all clients can print.
func MonitorNotice(text string) AgentNotifyMessage { return GenericMessage(monitorNotice + text) }

// MonitorNotice returns the text of a [MonitorNotice]; ok is false for all other notifications.
func (n *AgentNotify) MonitorNotice() (text string, ok bool) {
	if n.Type != AgentNotifyGeneric || !strings.HasPrefix(n.Text, `"`+monitorNotice) {
		return "", false
	}
	if json.Unmarshal([]byte(n.Text), &text) != nil {
		return "", false
	}
	return strings.TrimPrefix(text, monitorNotice), true
}
