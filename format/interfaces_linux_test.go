// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/testns"
)

// TestInterfacesOfANamespace lists devices of a network namespace, with names of several lengths: with them, attributes
// of the kernel's answer have padding or none.
func TestInterfacesOfANamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("makes a network namespace")
	}
	want := []format.Interface{
		{Index: 101, Name: "a"},
		{Index: 102, Name: "ab", AltNames: []string{"one", "an-alternative-name", "the-third"}},
		{Index: 103, Name: "abc", AltNames: []string{"another"}},
		{Index: 104, Name: "abcdefghijklmno"},
	}
	var got []format.Interface
	testns.New(t).Do(func() (err error) {
		for _, i := range want {
			link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: i.Name, Index: int(i.Index)}, PeerName: "peer-" + strconv.Itoa(int(i.Index))}
			if err := netlink.LinkAdd(link); err != nil {
				return err
			}
			for _, name := range i.AltNames {
				if err := netlink.LinkAddAltName(link, name); err != nil {
					return err
				}
			}
		}
		got, err = format.Interfaces()
		return err
	})
	require.Len(t, got, 1+2*len(want))
	require.Equal(t, format.Interface{Index: 1, Name: "lo"}, got[0])
	require.Equal(t, want, slices.DeleteFunc(got[1:], func(i format.Interface) bool { return strings.HasPrefix(i.Name, "peer-") }))
}
