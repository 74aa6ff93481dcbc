// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bpf"
)

// device is the loopback of the network namespace that the soak has of its own.
const device = "lo"

// devicePackets is how many packets go over it while it is traced: their events fit into the ring,
// so that none of them is lost among the others.
const devicePackets = 3000

// traceDevice has the embedded datapath trace packets on the device, for the agent to read.
func traceDevice(ctx context.Context, agent *caller) error {
	path := filepath.Join(filepath.Dir(agentproc.EventsMapPath), "soak_device")
	dp, err := bpf.Load(bpf.Options{Devices: []string{device}, EventsMap: path})
	if err != nil {
		return err
	}
	err = agent.call("attach", path, nil)
	if err == nil {
		err = errors.Join(sendPackets(ctx), agent.call("detach", nil, nil))
	}
	return errors.Join(err, dp.Close())
}

// sendPackets sends them to a socket that nobody reads.
func sendPackets(ctx context.Context) error {
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer sink.Close()
	conn, err := net.Dial("udp", sink.LocalAddr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	for n := 0; n < devicePackets && pause(ctx, 10*time.Millisecond); n += 100 {
		for range 100 {
			if _, err := conn.Write(make([]byte, 64)); err != nil {
				return err
			}
		}
	}
	return nil
}

func upDevice() error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return fmt.Errorf("finding %s: %w", device, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting %s up: %w", device, err)
	}
	return nil
}
