// SPDX-License-Identifier: Apache-2.0

package format

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/cilium/monitor/internal/suggest"
)

// portSet is a set of ports: ranges, the ends of which belong to them.
type portSet [][2]uint16

func (s portSet) has(port uint16) bool {
	for _, r := range s {
		if r[0] <= port && port <= r[1] {
			return true
		}
	}
	return false
}

func (s portSet) covers(other any) bool {
	return !slices.ContainsFunc(other.(portSet), func(o [2]uint16) bool {
		return !slices.ContainsFunc(s, func(r [2]uint16) bool { return r[0] <= o[0] && o[1] <= r[1] })
	})
}

// servicesFile has the names of ports.
const servicesFile = "/etc/services"

// parsePorts returns the ports of a number, a range or a name.
func parsePorts(text string) (portSet, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	low, lowErr := strconv.ParseUint(first, 10, 16)
	high, highErr := strconv.ParseUint(last, 10, 16)
	switch {
	case lowErr == nil && highErr == nil && low <= high:
		return portSet{{uint16(low), uint16(high)}}, nil
	case lowErr == nil && highErr == nil:
		return nil, fmt.Errorf("no port is in %q: its first is above its last", text)
	}
	file, err := os.ReadFile(servicesFile)
	if err != nil {
		file = nil // there are names without it
	}
	names := services(string(file))
	if ports := names[strings.ToLower(text)]; len(ports) > 0 {
		return ports, nil
	}
	var ports portSet
	isName := strings.ContainsFunc(text, unicode.IsLetter)
	for _, network := range []string{"tcp", "udp"} {
		if port, err := net.LookupPort(network, text); isName && err == nil {
			ports = append(ports, [2]uint16{uint16(port), uint16(port)})
		}
	}
	if len(ports) > 0 {
		return ports, nil
	}
	return nil, fmt.Errorf("port %q is neither a number from 0 to 65535, nor a range such as 8000-8080, nor a name in %s%s",
		text, servicesFile, suggest.DidYouMean(text, slices.Sorted(maps.Keys(names))))
}

// services returns the ports of the names and aliases, in lower case, of a file that is as /etc/services.
func services(file string) map[string]portSet {
	names := map[string]portSet{"dns": {{53, 53}}} // as everybody calls what is "domain" there
	for lines := bufio.NewScanner(strings.NewReader(file)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, _, _ := strings.Cut(fields[1], "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			continue
		}
		port := [2]uint16{uint16(n), uint16(n)}
		for _, name := range slices.Concat(fields[:1], fields[2:]) {
			if name = strings.ToLower(name); !names[name].has(uint16(n)) {
				names[name] = append(names[name], port)
			}
		}
	}
	return names
}
