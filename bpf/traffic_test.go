// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/cilium/monitor/metrics"
)

// trafficOf returns what was counted of a device in one direction.
func (d *Datapath) trafficOf(t *testing.T, device, direction string) (found []metrics.DeviceTraffic) {
	t.Helper()
	all, err := d.Traffic()
	require.NoError(t, err)
	for _, of := range all {
		if of.Device == device && of.Direction == direction {
			found = append(found, of)
		}
	}
	return found
}

func TestTraffic(t *testing.T) { eachWay(t, testTraffic) }

// testTraffic counts packets that nobody watches.
func testTraffic(t *testing.T, withoutTCX bool) {
	ns := newNamespace(t)
	d := ns.load(Options{Devices: []string{"lo"}, Deny: mustParseRules(t, "udp/9999"), EventsMap: eventsPath(t), withoutTCX: withoutTCX})
	require.Empty(t, d.trafficOf(t, "lo", "ingress"))

	client, server, denied := ns.listenUDP("127.0.0.1:5001"), ns.listenUDP("127.0.0.1:5002"), ns.listenUDP("127.0.0.1:9999")
	const size = 14 + 20 + 8 + len("hello")
	for range 10 {
		send(t, client, server, "hello")
	}
	for range 3 { // denied on the way out
		_, _ = client.WriteTo([]byte("hello"), denied.LocalAddr())
	}
	require.Equal(t, []metrics.DeviceTraffic{{Device: "lo", Direction: "ingress", Packets: 10, Bytes: 10 * uint64(size)}}, d.trafficOf(t, "lo", "ingress"))
	require.Equal(t, []metrics.DeviceTraffic{{Device: "lo", Direction: "egress", Packets: 13, Bytes: 13 * uint64(size), Denied: 3}}, d.trafficOf(t, "lo", "egress"))
}

// TestTrafficOfDeviceThatIsGone forgets what a device has counted whose index may be another one's.
func TestTrafficOfDeviceThatIsGone(t *testing.T) {
	left, right := veth(t)
	d := left.load(Options{Devices: []string{leftDevice}, EventsMap: eventsPath(t)})
	require.Eventually(t, func() bool { return len(d.trafficOf(t, leftDevice, "egress")) == 1 }, healTime, 10*time.Millisecond, "neighbour discovery")
	right.Do(func() error { return netlink.LinkDel(linkNamed(rightDevice)) })
	require.Eventually(t, func() bool {
		return len(d.trafficOf(t, leftDevice, "egress"))+len(d.trafficOf(t, leftDevice, "ingress")) == 0
	}, healTime, 10*time.Millisecond)
}
