// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestPortNames takes names that this machine's /etc/services has, in capitals and not, for all ports that have them.
func TestPortNames(t *testing.T) {
	data, err := os.ReadFile("/etc/services")
	if !errors.Is(err, fs.ErrNotExist) { // there are names without it
		require.NoError(t, err)
	}
	ports := map[string][]uint16{"imap3": {220}} // Go knows it, and few machines
	lines := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(strings.Split(line, "#")[0])
		if len(fields) == 0 {
			continue
		}
		lines++
		if !strings.HasSuffix(fields[1], "/ddp") && lines > 60 { // all of a protocol that net.LookupPort does not know
			continue
		}
		port, err := strconv.ParseUint(strings.Split(fields[1], "/")[0], 10, 16)
		require.NoError(t, err)
		for i, name := range fields {
			if i != 1 {
				name = strings.ToLower(name)
				ports[name] = append(ports[name], uint16(port))
			}
		}
	}
	for name, numbers := range ports {
		for _, text := range []string{name, strings.ToUpper(name)} {
			f, err := format.ParseFilter([]string{"--port", text})
			require.NoError(t, err)
			for _, number := range numbers {
				ev := format.NewEvent(interfaceName)
				ev.Decode(drop(ethernet(etherIPv4, ipv4(ipUDP, "10.0.0.1", "10.0.0.2", udp(0, number, nil)))))
				require.True(t, f.Match(ev), "%s is %d", text, number)
				ev.Decode(drop(ethernet(etherIPv4, ipv4(ipUDP, "10.0.0.1", "10.0.0.2", udp(0, 65535, nil)))))
				require.False(t, f.Match(ev), text)
			}
		}
	}
}

// TestPortRanges has the edges of ranges, and what is none.
func TestPortRanges(t *testing.T) {
	of := func(port uint16) named {
		return named{strconv.Itoa(int(port)), drop(ethernet(etherIPv4, ipv4(ipUDP, "10.0.0.1", "10.0.0.2", udp(1, port, nil))))}
	}
	events := []named{of(0), of(79), of(80), of(81), of(90), of(91), of(65535)}
	for filter, want := range map[string]string{
		"--dst-port 80":          "80",
		"--dst-port 80-80":       "80",
		"--dst-port 80-90":       "80 81 90",
		"--dst-port 0-65535":     "0 79 80 81 90 91 65535",
		"--dst-port 0":           "0",
		"--dst-port 91-65535,79": "79 91 65535",
	} {
		require.Equal(t, want, matching(t, filter, events), filter)
	}
	for _, text := range []string{"80-x", "x-80", "80-", "-80", "80-90-100", "+80", "65536", "80-65536", "0x50"} {
		_, err := format.ParseFilter([]string{"--port", text})
		require.ErrorContains(t, err, "neither a number from 0 to 65535", text)
	}
}
