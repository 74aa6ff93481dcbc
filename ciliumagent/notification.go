// SPDX-License-Identifier: Apache-2.0

package ciliumagent

import (
	"net"
	"net/netip"

	ciliumapi "github.com/cilium/cilium/pkg/monitor/api"
	ciliumlog "github.com/cilium/cilium/pkg/proxy/accesslog"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

// toCilium returns an event of user space with Cilium's type, and the event itself if that has none. Cilium's consumers
// want both as values. It shares with the event what Cilium's type can share.
func toCilium(event any) any {
	switch event := event.(type) {
	case api.AgentNotifyMessage:
		return ciliumapi.AgentNotifyMessage{
			Type:         ciliumapi.AgentNotification(event.Type),
			Notification: notificationToCilium(event.Notification),
		}
	case accesslog.LogRecord:
		return recordToCilium(&event)
	case *accesslog.LogRecord:
		if event != nil {
			return recordToCilium(event)
		}
	}
	return event
}

// fromCilium is the reverse of toCilium.
func fromCilium(event any) any {
	switch event := event.(type) {
	case ciliumapi.AgentNotifyMessage:
		return api.AgentNotifyMessage{
			Type:         api.AgentNotification(event.Type),
			Notification: notificationFromCilium(event.Notification),
		}
	case ciliumlog.LogRecord:
		return recordFromCilium(&event)
	case *ciliumlog.LogRecord:
		if event != nil {
			return recordFromCilium(event)
		}
	}
	return event
}

func notificationToCilium(notification any) any {
	switch n := notification.(type) {
	case api.TimeNotification:
		return ciliumapi.TimeNotification(n)
	case api.PolicyUpdateNotification:
		return ciliumapi.PolicyUpdateNotification(n)
	case api.EndpointRegenNotification:
		return ciliumapi.EndpointRegenNotification(n)
	case api.EndpointNotification:
		return ciliumapi.EndpointNotification{
			EndpointRegenNotification: ciliumapi.EndpointRegenNotification(n.EndpointRegenNotification),
			PodName:                   n.PodName,
			Namespace:                 n.Namespace,
		}
	case api.IPCacheNotification:
		return ciliumapi.IPCacheNotification{
			CIDR:        n.CIDR,
			Identity:    uint32(n.Identity),
			OldIdentity: (*uint32)(n.OldIdentity),
			HostIP:      net.IP(n.HostIP.AsSlice()),
			OldHostIP:   net.IP(n.OldHostIP.AsSlice()),
			EncryptKey:  n.EncryptKey,
			Namespace:   n.Namespace,
			PodName:     n.PodName,
		}
	default:
		return notification
	}
}

func notificationFromCilium(notification any) any {
	switch n := notification.(type) {
	case ciliumapi.TimeNotification:
		return api.TimeNotification(n)
	case ciliumapi.PolicyUpdateNotification:
		return api.PolicyUpdateNotification(n)
	case ciliumapi.EndpointRegenNotification:
		return api.EndpointRegenNotification(n)
	case ciliumapi.EndpointNotification:
		return api.EndpointNotification{
			EndpointRegenNotification: api.EndpointRegenNotification(n.EndpointRegenNotification),
			PodName:                   n.PodName,
			Namespace:                 n.Namespace,
		}
	case ciliumapi.IPCacheNotification:
		return api.IPCacheNotification{
			CIDR:        n.CIDR,
			Identity:    api.NumericIdentity(n.Identity),
			OldIdentity: (*api.NumericIdentity)(n.OldIdentity),
			HostIP:      address(n.HostIP),
			OldHostIP:   address(n.OldHostIP),
			EncryptKey:  n.EncryptKey,
			Namespace:   n.Namespace,
			PodName:     n.PodName,
		}
	default:
		return notification
	}
}

// address returns the address that ip is, the zero value for none.
func address(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}
