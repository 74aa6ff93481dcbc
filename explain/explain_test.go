// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/explain"
)

// TestKernelReasons requires each reason that the running kernel has to be explained.
func TestKernelReasons(t *testing.T) {
	spec, err := btf.LoadKernelSpec()
	require.NoError(t, err)
	var reasons *btf.Enum
	require.NoError(t, spec.TypeByName("skb_drop_reason", &reasons))
	var missing []string
	for _, value := range reasons.Values {
		name, isReason := strings.CutPrefix(value.Name, "SKB_DROP_REASON_")
		if !isReason || name == "MAX" || strings.HasPrefix(name, "SUBSYS_") {
			continue // no reason: not dropped, or a mark of the enum
		}
		if r, found := explain.Kernel(name); !found || r.Name != name {
			missing = append(missing, name)
		}
	}
	require.Empty(t, missing)
}

// notInEachKernel are functions of modules, and such that a compiler may put into others or that only some kernels have.
var notInEachKernel = []string{
	"__dev_kfree_skb_any", "__dev_kfree_skb_irq", "__udp_queue_rcv_skb", "__udpv6_queue_rcv_skb", "gre_rcv", "ip6_tnl_xmit",
	"ip6frag_expire_frag_queue", "ipip_rcv", "kfree_skb_list", "netif_receive_generic_xdp", "skb_queue_purge", "tunnel4_rcv", "tunnel6_rcv",
}

// TestFunctions looks the functions up in the running kernel.
func TestFunctions(t *testing.T) {
	text, err := os.ReadFile("/proc/kallsyms")
	require.NoError(t, err)
	known := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(strings.Fields(line)[2], ".")
		known[name] = true
	}
	var missing []string
	for _, r := range explain.Functions() {
		if !known[r.Name] && !slices.Contains(notInEachKernel, r.Name) {
			missing = append(missing, r.Name)
		}
	}
	require.Empty(t, missing)
}

// TestDatapathReasons requires each reason with a text to be explained, and nothing else.
func TestDatapathReasons(t *testing.T) {
	texts := map[string]bool{}
	for code, text := range api.DropReasons() {
		texts[text] = true
		r, found := explain.Datapath(text)
		require.True(t, found, "%d, %s", code, text)
		require.Equal(t, text, r.Name)
	}
	for _, r := range explain.All() {
		require.True(t, r.Kernel || texts[r.Name], r.Name)
	}
}

// TestTable holds what is for people against what they can read and type.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range append(explain.All(), explain.Functions()...) {
		require.False(t, seen[r.Name], "%s is there twice", r.Name)
		seen[r.Name] = true
		require.Regexp(t, `^[A-Z].*[.?!]$`, r.Meaning, r.Name)
		require.LessOrEqual(t, len(r.Meaning), 240, "%s: more than one line", r.Name)
		if r.Kernel {
			require.NotEmpty(t, r.Look, r.Name)
		}
		switch {
		case r.Function:
			require.Regexp(t, `^[a-z0-9_]+$`, r.Name)
			require.True(t, r.Kernel, r.Name)
		case r.Kernel:
			require.Regexp(t, `^[A-Z0-9_]+\*?$`, r.Name)
		}
		for _, c := range r.Look {
			require.NotContains(t, c.Line, "#", r.Name)
			require.LessOrEqual(t, len(c.Line), 100, r.Name)
			require.LessOrEqual(t, len(c.Why), 100, r.Name)
			require.True(t, slices.Contains(tools, strings.Fields(c.Line)[0]), "%s: who has %s?", r.Name, c.Line)
		}
	}
}

// tools are the programs that commands begin with. They are those of Debian's packages arping, audit, bpftool, conntrack,
// coreutils, ethtool, iproute2, iputils-tracepath, iptables, iw, nftables, openvswitch-switch, procps, systemd,
// traceroute and util-linux, and of Cilium, Kubernetes and this module.
var tools = []string{
	"arping", "ausearch", "bpftool", "bridge", "cat", "cilium", "cilium-dbg", "conntrack", "dmesg", "ethtool", "free", "ip",
	"iptables-save", "iw", "kubectl", "monitor", "nft", "nstat", "ovs-appctl", "ovs-ofctl", "ss", "sysctl", "systemctl",
	"tc", "top", "tracepath", "traceroute",
}

// TestSysctls looks up the settings that commands ask for in the running kernel.
func TestSysctls(t *testing.T) {
	for r, setting := range arguments("sysctl") {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(strings.ReplaceAll(setting, ".", "/"), "DEV", "lo"))
		if strings.Contains(setting, "conntrack") && !exists("/proc/sys/net/netfilter/nf_conntrack_max") {
			continue // a module that is not loaded
		}
		require.FileExists(t, path, r)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// newerCounters are not in all kernels that this is tested on.
var newerCounters = regexp.MustCompile(`^TcpExt(TCPAO\w+|PAWSOldAck|PAWSTimewait|TSEcrRejected)$`)

// TestCounters looks up the counters that commands ask for in the running kernel.
func TestCounters(t *testing.T) {
	known := map[string]bool{}
	for _, file := range []string{"snmp", "netstat", "snmp6"} {
		text, err := os.ReadFile("/proc/net/" + file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			prefix, isPrefix := strings.CutSuffix(words[0], ":")
			if !isPrefix {
				known[words[0]] = true
				continue
			}
			for _, word := range words[1:] {
				known[prefix+word] = true
			}
		}
	}
	for r, counter := range arguments("nstat") {
		if counter != "-z" && !newerCounters.MatchString(counter) {
			require.True(t, known[counter], "%s: %s", r, counter)
		}
	}
}

// arguments yields those of all commands of a tool, with the reasons that have them.
func arguments(tool string) func(yield func(reason, argument string) bool) {
	return func(yield func(reason, argument string) bool) {
		for _, r := range append(explain.All(), explain.Functions()...) {
			for _, c := range r.Look {
				words := strings.Fields(c.Line)
				for _, word := range words[1:] {
					if words[0] == tool && !yield(r.Name, word) {
						return
					}
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	for typed, want := range map[string]string{
		"NO_SOCKET":                 "NO_SOCKET",
		"no_socket":                 "NO_SOCKET",
		"skb_drop_reason_NO_SOCKET": "NO_SOCKET",
		" policy DENIED ":           "Policy denied",
		"133":                       "Policy denied",
		"OVS_DROP_METER":            "OVS_DROP_METER",
		"ovs_drop_something_new":    "OVS_DROP_*",
		"RX_DROP_U_NO_KEY_ID":       "RX_DROP*",
		"rx_drop*":                  "RX_DROP*",
		"ip_error":                  "ip_error",
		" ip_error.isra.0 ":         "ip_error",
		"arp_error_report":          "arp_error_report",
	} {
		r, found := explain.Find(typed)
		require.True(t, found, typed)
		require.Equal(t, want, r.Name)
	}
	for _, typed := range []string{"", "SKB_DROP_REASON_", "250", "256", "NO_SOCK", "Kein Anschluss"} {
		_, found := explain.Find(typed)
		require.False(t, found, typed)
	}
	for _, test := range []struct{ reason, function, want string }{
		{"NOT_SPECIFIED", "ip_error", "ip_error"},
		{"", "neigh_invalidate", "neigh_invalidate"}, // a kernel without reasons
		{"NOT_SPECIFIED", "ip_rcv_finish_core.constprop.0", "ip_rcv_finish_core"},
		{"NOT_SPECIFIED", "some_driver_rx", "NOT_SPECIFIED"},
		{"NO_SOCKET", "__udp4_lib_rcv", "NO_SOCKET"},
	} {
		r, found := explain.KernelDrop(test.reason, test.function)
		require.True(t, found)
		require.Equal(t, test.want, r.Name)
	}
	_, found := explain.KernelDrop("", "some_driver_rx")
	require.False(t, found)
	_, found = explain.Datapath("NO_SOCKET")
	require.False(t, found, "a reason of the kernel")
	_, found = explain.Kernel("Policy denied")
	require.False(t, found, "a reason of a datapath")
}
