// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// filterPriority is the first that a filter can have.
const filterPriority = 1

// filterParents are where a clsact qdisc has its filters: on ingress, on egress.
var filterParents = []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS}

// clsact are the programs of a device, attached as filters of its clsact qdisc. Nothing
// ends them with the process: see removeLeftovers.
type clsact struct {
	index     int
	name      string // of the filters
	handles   []uint32
	madeQdisc bool
}

// attachClsact puts the programs in front of the filters that the device has.
func attachClsact(dev device, owner *owner, ingress, egress *ebpf.Program) (attachment, error) {
	made, err := addClsact(dev.index)
	if err != nil {
		return nil, err
	}
	c := &clsact{index: dev.index, name: owner.filterName(made), madeQdisc: made}
	for i, prog := range []*ebpf.Program{ingress, egress} {
		if err := c.addFilter(filterParents[i], prog); err != nil {
			return nil, errors.Join(err, c.detach())
		}
	}
	return c, nil
}

// addClsact gives the device a clsact qdisc if it has none, and returns whether it had not.
func addClsact(index int) (made bool, err error) {
	err = netlink.QdiscAdd(clsactOf(index))
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, unix.EEXIST) {
		return false, fmt.Errorf("add a clsact qdisc: %w", err)
	}
	qdiscs, err := dump(func() ([]netlink.Qdisc, error) { return netlink.QdiscList(linkOf(index)) })
	if err != nil {
		return false, fmt.Errorf("list the qdiscs: %w", err)
	}
	for _, qdisc := range qdiscs {
		if qdisc.Attrs().Parent == netlink.HANDLE_CLSACT && qdisc.Type() != clsactType {
			return false, fmt.Errorf("it has an %s qdisc in the place of clsact: tc qdisc del dev DEVICE %[1]s removes it", qdisc.Type())
		}
	}
	return false, nil
}

const clsactType = "clsact"

func clsactOf(index int) netlink.Qdisc {
	return &netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Parent: netlink.HANDLE_CLSACT, Handle: netlink.MakeHandle(0xffff, 0)},
		QdiscType:  clsactType,
	}
}

func linkOf(index int) netlink.Link {
	return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}}
}

// addFilter adds a filter, which is the first of its priority. Its handle is a random one, not the
// next: others have fixed ones, and would replace ours.
func (c *clsact) addFilter(parent uint32, prog *ebpf.Program) error {
	handle := 1<<30 + rand.Uint32N(1<<30)
	err := netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: c.index,
			Parent:    parent,
			Handle:    handle,
			Priority:  filterPriority,
			Protocol:  unix.ETH_P_ALL,
		},
		Fd:           prog.FD(),
		Name:         c.name,
		DirectAction: true,
	})
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("add a filter: %w (is there one of another kind at priority %d? tc filter show dev DEVICE ingress, egress)", err, filterPriority)
	}
	if err != nil {
		return fmt.Errorf("add a filter: %w", err)
	}
	c.handles = append(c.handles, handle)
	return nil
}

// attached implements attachment. It asks for the filters alone: there may be thousands.
func (c *clsact) attached() (bool, error) {
	for i, handle := range c.handles {
		req := nl.NewNetlinkRequest(unix.RTM_GETTFILTER, 0)
		req.AddData(&nl.TcMsg{
			Family:  nl.FAMILY_ALL,
			Ifindex: int32(c.index),
			Handle:  handle,
			Parent:  filterParents[i],
			Info:    netlink.MakeHandle(filterPriority, nl.Swap16(unix.ETH_P_ALL)),
		})
		req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated("bpf")))
		answer, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWTFILTER)
		switch {
		case isGone(err), errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL): // EINVAL: no clsact qdisc
			return false, nil
		case err != nil:
			return false, fmt.Errorf("look at the filter: %w", err)
		}
		if len(answer) != 1 || !bytes.Contains(answer[0], nl.ZeroTerminated(c.name)) {
			return false, nil // another one has got the handle
		}
	}
	return true, nil
}

// detach implements attachment.
func (c *clsact) detach() error {
	err := c.removeFilters()
	if err == nil && c.madeQdisc {
		err = removeUnusedClsact(c.index)
	}
	if isGone(err) {
		return nil
	}
	return err
}

func (c *clsact) removeFilters() error {
	var errs []error
	for _, parent := range filterParents {
		filters, err := bpfFilters(c.index, parent)
		errs = append(errs, err)
		for _, f := range filters {
			if f.Name == c.name {
				errs = append(errs, removeFilter(f))
			}
		}
	}
	return errors.Join(errs...)
}

// dump lists again if what is listed was changed in between, for some time.
func dump[T any](list func() ([]T, error)) (found []T, err error) {
	for range 100 {
		found, err = list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return found, err
}

// listFilters lists the filters of a device. There are none if it has no clsact qdisc.
func listFilters(index int, parent uint32) ([]netlink.Filter, error) {
	filters, err := dump(func() ([]netlink.Filter, error) { return netlink.FilterList(linkOf(index), parent) })
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("list the filters: %w", err)
	}
	return filters, nil
}

// bpfFilters returns the BPF programs among the filters of a device.
func bpfFilters(index int, parent uint32) (found []*netlink.BpfFilter, err error) {
	filters, err := listFilters(index, parent)
	if err != nil {
		return nil, err
	}
	for _, filter := range filters {
		if f, ok := filter.(*netlink.BpfFilter); ok {
			found = append(found, f)
		}
	}
	return found, nil
}

// removeFilter removes a filter, if it is still there.
func removeFilter(f *netlink.BpfFilter) error {
	f.Fd = -1 // none: the kernel finds the filter by its handle
	err := netlink.FilterDel(f)
	if err != nil && !isGone(err) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("remove the filter %q: %w", f.Name, err)
	}
	return nil
}

// removeUnusedClsact removes a device's clsact qdisc, unless it has filters.
func removeUnusedClsact(index int) error {
	for _, parent := range filterParents {
		filters, err := listFilters(index, parent)
		if err != nil || len(filters) > 0 {
			return err
		}
	}
	err := netlink.QdiscDel(clsactOf(index))
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("remove the clsact qdisc: %w", err)
	}
	return nil
}
