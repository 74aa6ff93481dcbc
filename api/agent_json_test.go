// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// FuzzIPCacheNotification compares what is sent of entries of the ipcache with what encoding/json makes of them.
func FuzzIPCacheNotification(f *testing.F) {
	f.Add("10.1.2.3/32", uint32(4711), uint32(0), false, "192.168.0.1", "", uint8(0), "kube-system", "coredns")
	f.Add("", uint32(0), uint32(7), true, "fe80::1%eth0", "::ffff:1.2.3.4", uint8(255), "<&>\u2028", "\"\\\xff\x00\x7f")
	f.Add("fd00::/8", uint32(1), uint32(0), true, "", "fe80::1%\"", uint8(3), "", "pod")
	f.Fuzz(func(t *testing.T, cidr string, id, oldID uint32, hasOld bool, hostIP, oldHostIP string, key uint8, namespace, pod string) {
		n := api.IPCacheNotification{CIDR: cidr, Identity: api.NumericIdentity(id), EncryptKey: key, Namespace: namespace, PodName: pod}
		n.HostIP, _ = netip.ParseAddr(hostIP)
		n.OldHostIP, _ = netip.ParseAddr(oldHostIP)
		if hasOld {
			old := api.NumericIdentity(oldID)
			n.OldIdentity = &old
		}
		want, err := json.Marshal(n)
		require.NoError(t, err)

		sample, err := api.IPCacheUpsertedMessage(n).Append([]byte("before"))
		require.NoError(t, err)
		require.Equal(t, "before", string(sample[:6]))
		var got api.AgentNotify
		require.NoError(t, got.Decode(sample[6:]))
		require.Equal(t, api.AgentNotify{Type: api.AgentNotifyIPCacheUpserted, Text: string(want)}, got)
	})
}

// TestAgentNotifyMessageAppend has the same sample made of a message in one step and in two.
func TestAgentNotifyMessageAppend(t *testing.T) {
	for _, m := range []api.AgentNotifyMessage{
		api.EndpointCreateMessage(7, []string{"k8s:app=web"}, "web-1", "default"),
		api.IPCacheDeletedMessage(api.IPCacheNotification{CIDR: "10.1.2.3/32", Identity: 4711}),
		api.GenericMessage("text"),
		{},
	} {
		notify, err := m.ToJSON()
		require.NoError(t, err)
		sample, err := m.Append(nil)
		require.NoError(t, err)
		require.Equal(t, notify.Append(nil), sample)
	}

	before := []byte("before")
	after, err := api.GenericMessage(func() {}).Append(before)
	require.ErrorContains(t, err, "marshal agent notification")
	require.Equal(t, before, after)
}

// TestIPCacheNotificationAllocations has entries of the ipcache sent without any memory but the sample's.
func TestIPCacheNotificationAllocations(t *testing.T) {
	m := api.IPCacheUpsertedMessage(api.IPCacheNotification{
		CIDR: "10.1.2.3/32", HostIP: netip.MustParseAddr("192.168.0.1"), Namespace: "kube-system", PodName: "coredns",
	})
	sample := make([]byte, 0, 1024)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := m.Append(sample); err != nil {
			t.Fatal(err)
		}
	}))
}
