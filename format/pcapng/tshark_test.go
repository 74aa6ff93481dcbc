// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format/pcapng"
)

// tshark returns what tshark prints about a capture file.
func tshark(t *testing.T, file []byte, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil && os.Geteuid() != 0 {
		t.Skip("needs tshark, which only root can install: make test")
	}
	require.NoError(t, err, "make test installs it")
	name := filepath.Join(t.TempDir(), "events.pcapng")
	require.NoError(t, os.WriteFile(name, file, 0o600))
	cmd := exec.Command(path, append([]string{"-n", "-r", name}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TZ=UTC")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	require.NotContains(t, stderr.String(), "appears to have been cut short")
	require.NotContains(t, stderr.String(), "damaged")
	return string(out)
}

func TestTshark(t *testing.T) {
	frame := udp(t, 53, []byte("what is the address?"))
	ip := frame[14:]
	vxlan := udp(t, 4789, append([]byte{8, 0, 0, 0, 0, 0, 42, 0}, frame...))
	file := write(t,
		trace(frame, 1500),
		drop(ip, 3)[:0], // cannot be decoded
		verdict(ip, api.PolicyEgress|api.PolicyVerdictFlagL3Device),
		verdict(ip, api.PolicyEgress|api.PolicyVerdictFlagL3Device, func(n *api.PolicyVerdictNotify) { n.Ifindex = 5 }),
		trace(vxlan, len(vxlan), func(n *api.TraceNotify) { n.Flags = api.FlagVXLAN; n.Ifindex = 4 }),
	)

	out := tshark(t, file, "-T", "fields", "-E", "separator=|",
		"-e", "frame.interface_name", "-e", "frame.encap_type", "-e", "frame.len", "-e", "frame.cap_len", "-e", "udp.dstport", "-e", "vxlan.vni")
	require.Equal(t, strings.Join([]string{
		"eth2|1|1500|62|53|",
		"unknown|7|48|48|53|", // 7: raw IP
		"eth5|7|48|48|53|",
		"eth4|1|112|112|4789,53|42",
	}, "\n"), strings.TrimSpace(out))

	out = tshark(t, file, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.comment")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 4)
	require.Regexp(t, `^1782907200.123456789\s+out  10.0.0.1:40000 -> 10.0.0.2:53 udp: eth2, `, lines[0])
	require.Contains(t, lines[1], "deny 10.0.0.1")
	require.Contains(t, lines[2], "udp: eth5, egress")
	require.Contains(t, lines[3], "[tunnel 10.0.0.1:40000 -> 10.0.0.2:4789 vxlan]")
}

// TestTsharkVLAN shows that tags are in the file as they are in the packet.
func TestTsharkVLAN(t *testing.T) {
	frame := udp(t, 53, []byte("what is the address?"))
	tagged := func(tags ...byte) []byte { return slices.Concat(frame[:12], tags, frame[12:]) }
	file := write(t,
		trace(tagged(0x81, 0, 0, 42), 100),
		drop(tagged(0x88, 0xa8, 0, 7, 0x81, 0, 0x20, 42), 3),
	)
	out := tshark(t, file, "-T", "fields", "-E", "separator=|", "-e", "ieee8021ad.id", "-e", "vlan.id", "-e", "vlan.priority", "-e", "udp.dstport")
	require.Equal(t, "|42|0|53\n7|42|1|53\n", out)
}

func TestTsharkNothing(t *testing.T) {
	require.Empty(t, tshark(t, write(t)))
}

// TestTsharkCut reads a packet and a line that are longer than what a reader takes.
func TestTsharkCut(t *testing.T) {
	register(t, strings.Repeat("line", 100))
	const size = pcapng.SnapLength + 1000
	file := write(t, append([]byte{101, 0, 7, 0, 0, 0, 0, 0, 0, 0}, make([]byte, size)...))
	out := tshark(t, file, "-T", "fields", "-E", "separator=|", "-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.comment")
	fields := strings.Split(out, "|")
	require.Len(t, fields, 3)
	require.Equal(t, []string{strconv.Itoa(size), strconv.Itoa(pcapng.SnapLength)}, fields[:2])
	require.Regexp(t, "^(line)+$", fields[2][:100])
}
