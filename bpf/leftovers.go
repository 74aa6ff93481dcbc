// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
)

// findLeftovers returns the filters of embedded datapaths that are there no more, on all
// devices of the network namespace of the calling thread. The kernel keeps filters when the
// process that added them is killed.
func findLeftovers() (leftovers []*netlink.BpfFilter, err error) {
	qdiscs, err := dump(func() ([]netlink.Qdisc, error) { return netlink.QdiscList(nil) })
	if err != nil {
		return nil, fmt.Errorf("list the qdiscs: %w", err)
	}
	alive := map[string]bool{}
	for _, qdisc := range qdiscs {
		if qdisc.Type() != clsactType {
			continue
		}
		for _, parent := range filterParents {
			filters, err := bpfFilters(qdisc.Attrs().LinkIndex, parent)
			if err != nil && !isGone(err) {
				return nil, err
			}
			for _, f := range filters {
				owner, _, ok := parseFilterName(f.Name)
				if !ok {
					continue
				}
				if _, known := alive[owner]; !known {
					if alive[owner], err = ownerAlive(owner); err != nil {
						return nil, err
					}
				}
				if !alive[owner] {
					leftovers = append(leftovers, f)
				}
			}
		}
	}
	return leftovers, nil
}

// removeLeftovers removes what findLeftovers finds, and the qdiscs that were made for them
// if nothing else uses those.
func removeLeftovers() error {
	leftovers, err := findLeftovers()
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range leftovers {
		errs = append(errs, removeFilter(f))
	}
	for _, f := range leftovers {
		if _, madeQdisc, _ := parseFilterName(f.Name); madeQdisc {
			if err := removeUnusedClsact(f.LinkIndex); !isGone(err) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// leftoverPrograms returns the programs that nothing holds but findLeftovers' filters.
func leftoverPrograms() (map[ebpf.ProgramID]bool, error) {
	leftovers, err := findLeftovers()
	if err != nil {
		return nil, err
	}
	programs := map[ebpf.ProgramID]bool{}
	for _, f := range leftovers {
		programs[ebpf.ProgramID(f.Id)] = true
	}
	return programs, nil
}
