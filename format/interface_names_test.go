// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeInterfaces is a host whose interfaces and time the test sets.
type fakeInterfaces struct {
	interfaces []Interface
	err        error
	age        time.Duration
	listed     int
}

func (f *fakeInterfaces) names() *InterfaceNames {
	return &InterfaceNames{
		list:  func() ([]Interface, error) { f.listed++; return f.interfaces, f.err },
		since: func(time.Time) time.Duration { return f.age },
	}
}

func TestInterfaceNames(t *testing.T) {
	fake := &fakeInterfaces{interfaces: []Interface{{Index: 1, Name: "lo"}, {Index: 2, Name: "eth0"}}}
	names := fake.names()

	for range 3 {
		require.Equal(t, "lo", names.Name(1))
		require.Equal(t, "eth0", names.Name(2))
	}
	require.Equal(t, 1, fake.listed, "cached")

	// A new one is there at once.
	fake.interfaces = append(fake.interfaces, Interface{Index: 3, Name: "lxc1"})
	require.Equal(t, "lxc1", names.Name(3))
	require.Equal(t, 2, fake.listed)

	// One that does not exist is a number, and not looked for again and again.
	for range 3 {
		require.Equal(t, "99", names.Name(99))
	}
	require.Equal(t, 3, fake.listed)

	// A rename shows when the names are old; one that is gone keeps its name.
	fake.interfaces = []Interface{{Index: 1, Name: "lo"}, {Index: 3, Name: "lxc-web"}, {Index: 99, Name: "late"}}
	require.Equal(t, "lxc1", names.Name(3))
	fake.age = 2 * interfacesMaxAge
	require.Equal(t, "lxc-web", names.Name(3))
	fake.age = 0
	require.Equal(t, "late", names.Name(99))
	require.Equal(t, "eth0", names.Name(2))

	// If the kernel does not answer, what was known stays.
	fake.age, fake.err, fake.interfaces = 2*interfacesMaxAge, errors.New("no answer"), nil
	require.Equal(t, "lxc-web", names.Name(3))
	require.Equal(t, "100", names.Name(100))
}

// TestInterfaceAltNames asks for interfaces by any of their names.
func TestInterfaceAltNames(t *testing.T) {
	fake := &fakeInterfaces{interfaces: []Interface{{Index: 2, Name: "eth0", AltNames: []string{"enp1s0", "enx020000000001"}}}}
	names := fake.names()
	for name, has := range map[string]bool{"eth0": true, "enp1s0": true, "enx020000000001": true, "2": false, "": false} {
		require.Equal(t, has, names.Has(2, name), name)
	}
	require.Equal(t, "eth0", names.Name(2))
	require.True(t, names.Has(3, "3"), "a number is the name of one that has none")

	fake.interfaces = nil
	require.Empty(t, names.Now())
	require.True(t, names.Has(2, "enp1s0"), "it is gone, its events are not")
}

// TestInterfaceNamesOfNowhere has numbers alone.
func TestInterfaceNamesOfNowhere(t *testing.T) {
	names := NewInterfaceNames(nil)
	require.Equal(t, "1", names.Name(1))
	require.Empty(t, names.Now())
}

func TestInterfaceNamesAreBounded(t *testing.T) {
	fake := &fakeInterfaces{interfaces: []Interface{{Index: 1, Name: "lo"}}}
	names := fake.names()
	for i := range uint32(10 * maxGoneInterfaces) {
		names.Name(i)
	}
	require.LessOrEqual(t, len(names.known), maxGoneInterfaces+3)
	require.Equal(t, "lo", names.Name(1))
}

func TestInterfaceNamesOfThisHost(t *testing.T) {
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	names := NewInterfaceNames(Interfaces)
	for _, i := range interfaces {
		require.Equal(t, i.Name, names.Name(uint32(i.Index)))
	}
	require.Len(t, names.Now(), len(interfaces))
}
