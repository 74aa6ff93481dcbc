// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

type device struct {
	name  string // as it was asked for, or what it is called if that was a pattern
	index int
	l3    bool // packets have no Ethernet header
}

// findDevice returns the device of this name in the network namespace of the calling
// thread. The error wraps netlink.LinkNotFoundError if there is none.
func findDevice(name string) (device, error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return device{}, fmt.Errorf("device %q: %w (ip link lists those that are there)", name, err)
	}
	return deviceOf(l, name), nil
}

func deviceOf(l netlink.Link, name string) device {
	attrs := l.Attrs()
	return device{
		name:  name,
		index: attrs.Index,
		l3:    attrs.EncapType != "ether" && attrs.EncapType != "loopback",
	}
}

// isGone tells whether an error says that the device is not there, or not any more.
func isGone(err error) bool {
	var notFound netlink.LinkNotFoundError
	return errors.As(err, &notFound) || errors.Is(err, unix.ENODEV)
}
