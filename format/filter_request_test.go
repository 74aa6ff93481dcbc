// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/interest"
)

// numbersBut returns the numbers of a byte but some.
func numbersBut(some ...int) (numbers []int) {
	for n := range 256 {
		if !slices.Contains(some, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// known are the types that are built in.
var known = []int{
	api.MessageTypeDrop, api.MessageTypeDebug, api.MessageTypeCapture, api.MessageTypeTrace, api.MessageTypePolicyVerdict,
	api.MessageTypeTraceSock, api.MessageTypeKernelDrop, api.MessageTypeAccessLog, api.MessageTypeAgent,
}

// knownBut returns all numbers but those of the known types, and some of these.
func knownBut(some ...int) []int {
	return numbersBut(slices.DeleteFunc(slices.Clone(known), func(typ int) bool { return slices.Contains(some, typ) })...)
}

func TestFilterRequest(t *testing.T) {
	const drops, ofDatapath = `"types":[1,100]`, `"types":[1]`
	repeated := func(text string, n int) string { return strings.Join(slices.Repeat([]string{text}, n), ",") }
	traffic := []int{1, 3, 4, 5, 7, 129, api.MessageTypeKernelDrop}
	types := func(numbers []int) string {
		text, err := json.Marshal(numbers)
		require.NoError(t, err)
		return `"types":` + string(text)
	}
	for args, want := range map[string]string{
		"":                                    ``,
		"--type drop":                         drops,
		"--type drop --type trace,agent":      `"types":[1,4,100,130]`,
		"--not --type drop":                   types(numbersBut(1, 100)),
		"--type drop,trace --not --type drop": `"types":[4]`,
		"--type drop,trace --verdict deny --not --type trace --type policy-verdict": `"types":[5]`,
		"--from 7":                 types(knownBut(1, 2, 3, 4, 5, 7, 129)),
		"--verdict deny":           types(knownBut(5, 129)),
		"--not --verdict deny":     ``,
		"--type trace --from 7":    `"types":[4]`,
		"--interface eth0":         types(knownBut(1, 3, 4, 5, 100)),
		"--type drop --identity 1": ofDatapath,

		"--type drop --drop-reason 133":                         ofDatapath + `,"dropReasons":[133]`,
		"--type drop --drop-reason NO_SOCKET":                   `"types":[100]`,
		"--type drop --drop-reason 133 --drop-reason NO_SOCKET": drops + `,"dropReasons":[133]`,
		"--type kernel-drop":                                    `"types":[100]`,
		"--type drop --not --type kernel-drop":                  ofDatapath,
		"--type drop --drop-reason 133 --drop-reason 200":       ofDatapath + `,"dropReasons":[133,200]`,
		"--type drop --drop-reason 133 --not --drop-reason 200": ofDatapath + `,"dropReasons":[133]`,
		"--type drop --not --drop-reason 133":                   drops + `,"dropReasons":` + strings.TrimPrefix(types(numbersBut(133)), `"types":`),
		"--not --drop-reason 133":                               `"dropReasons":` + strings.TrimPrefix(types(numbersBut(133)), `"types":`),

		"--type drop --port 80":                                             drops + `,"packets":[{"ports":[{"first":80,"last":80}]}]`,
		"--type drop --src-port 80-90,443":                                  drops + `,"packets":[{"ports":[{"first":80,"last":90},{"first":443,"last":443}]}]`,
		"--port 80":                                                         types(knownBut(traffic...)) + `,"packets":[{"ports":[{"first":80,"last":80}]}]`,
		"--type drop --not --port 80":                                       drops,
		"--type drop --protocol tcp,udp":                                    drops + `,"packets":[{"protocols":[6,17]}]`,
		"--type drop --protocol udp,tcp,udp":                                drops + `,"packets":[{"protocols":[6,17]}]`,
		"--type drop --protocol icmp":                                       drops + `,"packets":[{"protocols":[1,58]}]`,
		"--type drop --tcp-flags SYN,ACK":                                   drops + `,"packets":[{"protocols":[6]}]`,
		"--type drop --not --tcp-flags SYN":                                 drops,
		"--type drop --dst-ip 10.0.0.1,fd00::1/8,::ffff:10.1.2.3/112":       drops + `,"packets":[{"cidrs":["10.0.0.1/32","fd00::/8","10.1.0.0/16"]}]`,
		"--type drop --ip ::/0 --port 1 --protocol 255 --from 1":            ofDatapath + `,"packets":[{"protocols":[255],"ports":[{"first":1,"last":1}],"cidrs":["::/0"]}]`,
		"--type drop --src-ip 10.0.0.1 --dst-ip 10.0.0.2":                   drops + `,"packets":[{"cidrs":["10.0.0.1/32"]}]`,
		"--type drop --outer --protocol udp --inner --protocol tcp":         drops + `,"packets":[{"protocols":[17]}]`,
		"--type drop --port " + strings.Repeat("1,", 63) + "1":              drops + `,"packets":[{"ports":[` + repeated(`{"first":1,"last":1}`, 64) + `]}]`,
		"--type drop --ip " + strings.Repeat("::1,", 63) + "::1":            drops + `,"packets":[{"cidrs":[` + repeated(`"::1/128"`, 64) + `]}]`,
		"--type drop --port " + strings.Repeat("1,", 64) + "2":              drops,
		"--type drop --ip " + strings.Repeat("::1,", 64) + "::2":            drops,
		"--type drop --port " + strings.Repeat("1,", 64) + "2 --src-port 3": drops + `,"packets":[{"ports":[{"first":3,"last":3}]}]`,
	} {
		f, err := format.ParseFilter(strings.Fields(args))
		require.NoError(t, err, args)
		request := f.Request()
		text, err := json.Marshal(request)
		require.NoError(t, err)
		got := strings.TrimSuffix(strings.TrimPrefix(string(text), `{"version":""`), "}")
		require.Equal(t, want, strings.TrimPrefix(got, ","), args)
		request.Version = "1.3"
		require.NoError(t, request.Validate(), args)
	}
}

// TestFilterRequestOfRegisteredType asks for a type that was registered as for those that are built in.
func TestFilterRequestOfRegisteredType(t *testing.T) {
	typ := own(101, "own")
	unregister, err := format.RegisterType(typ)
	require.NoError(t, err)
	defer unregister()
	f, err := format.ParseFilter([]string{"--verdict", "deny"})
	require.NoError(t, err)
	require.NotContains(t, f.Request().Types, typ.Number)
	f, err = format.ParseFilter([]string{"--type", typ.Name, "--port", "80"})
	require.NoError(t, err)
	require.Equal(t, []int{typ.Number}, f.Request().Types)
}

// TestFilterRequestsHaveAll makes random filters of several flags: whatever such a filter matches is asked for.
func TestFilterRequestsHaveAll(t *testing.T) {
	flags := map[string][]string{
		"src-ip": {"10.0.0.1", "10.0.0.0/24", "fd00::/16"}, "dst-ip": {"10.0.0.2", "0.0.0.0/0"}, "ip": {"10.0.0.0/8", "::/0"},
		"port": {"80", "53", "1-1000"}, "dst-port": {"53", "8472"}, "protocol": {"tcp", "udp", "icmp", "ipv4"}, "tcp-flags": {"SYN", "ACK"},
		"type": {"drop", "trace", "policy-verdict", "capture"},
	}
	names := []string{"src-ip", "dst-ip", "ip", "port", "dst-port", "protocol", "tcp-flags", "type"}
	ev := format.NewEvent(interfaceName)
	matched, leftOut := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 3))
		var args []string
		for range 1 + r.IntN(3) {
			name := names[r.IntN(len(names))]
			if r.IntN(4) == 0 {
				args = append(args, "--not")
			}
			if name != "type" && r.IntN(4) == 0 {
				args = append(args, []string{"--outer", "--inner"}[r.IntN(2)])
			}
			args = append(args, "--"+name, flags[name][r.IntN(len(flags[name]))])
		}
		f, err := format.ParseFilter(args)
		if err != nil {
			continue // nothing can match
		}
		request := f.Request()
		wants := interest.Interest{Packets: request.Packets}
		for _, typ := range request.Types {
			wants.Types = append(wants.Types, uint8(typ))
		}
		wants = wants.Normal()
		for range 5 {
			for pl := range newRandomPacket(r).events() {
				if !wants.Wants(pl.Data) {
					leftOut++
				}
				for _, captured := range []int{len(pl.Data), r.IntN(len(pl.Data))} {
					sample := slices.Clone(pl.Data[:captured])
					if len(sample) > 16 { // the captured length in a header that all types have
						cut := len(pl.Data) - len(sample)
						length := binary.NativeEndian.Uint16(sample[12:])
						binary.NativeEndian.PutUint16(sample[12:], length-min(length, uint16(cut)))
					}
					ev.Decode(&payload.Payload{Type: payload.EventSample, Data: sample})
					if ev.Err() == nil && f.Match(ev) {
						matched++
						require.True(t, wants.Wants(sample), "%s asks for %s", args, wants)
					}
				}
			}
		}
	}
	require.Greater(t, matched, 1000)
	require.Greater(t, leftOut, 1000)
}
