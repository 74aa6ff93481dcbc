// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// allDevices stands for all devices, as * does.
const allDevices = "all"

// IsDevicePattern reports whether one of [Options.Devices] stands for all devices that match it, those that come later
// included: it is "all", or has *, ? or [ in it, as patterns of [path.Match] do.
func IsDevicePattern(name string) bool { return name == allDevices || strings.ContainsAny(name, "*?[") }

// checkDevices returns an error unless all devices are there that are no patterns, and the patterns are some.
func checkDevices(names []string) error {
	for _, name := range names {
		if !IsDevicePattern(name) {
			if _, err := findDevice(name); err != nil {
				return err
			}
			continue
		}
		if _, err := path.Match(name, ""); err != nil {
			return fmt.Errorf("device %q is no pattern, such as veth*: %w", name, err)
		}
	}
	return nil
}

// findDevices returns the devices by their index that have one of the names or match one of the patterns, and an error for
// each name that no device has. unknown says that a device may be there although it was not found.
func findDevices(names []string) (found map[int]device, errs []error, unknown bool) {
	found = map[int]device{}
	if slices.ContainsFunc(names, IsDevicePattern) {
		links, err := dump(netlink.LinkList)
		if err != nil {
			errs, unknown = append(errs, fmt.Errorf("list the devices: %w", err)), true
		}
		for _, l := range links {
			if matchesAny(l.Attrs(), names) {
				found[l.Attrs().Index] = deviceOf(l, l.Attrs().Name)
			}
		}
	}
	for _, name := range names {
		if IsDevicePattern(name) {
			continue
		}
		dev, err := findDevice(name)
		if err != nil {
			errs = append(errs, err)
			unknown = unknown || !isGone(err)
			continue
		}
		found[dev.index] = dev
	}
	return found, errs, unknown
}

// matchesAny reports whether a name of a device matches one of the patterns.
func matchesAny(attrs *netlink.LinkAttrs, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if !IsDevicePattern(pattern) {
			return false
		}
		matches := func(name string) bool {
			ok, _ := path.Match(pattern, name)
			return ok
		}
		return pattern == allDevices || matches(attrs.Name) || slices.ContainsFunc(attrs.AltNames, matches)
	})
}
