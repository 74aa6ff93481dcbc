// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/bench/internal/printer"
	"github.com/cilium/monitor/format"
)

// everything is the member that stands for the whole object: Cilium prints no JSON.
const everything = "everything"

// jsonDifferences are all in the JSON.
var jsonDifferences = differences{
	{events: "policy-verdict/*", member: everything, because: "Cilium prints the line for a terminal, which is not JSON"},
	{events: "trace-sock/*", member: everything, because: "Cilium prints nothing"},

	{events: "trace/14", member: "traceSummary", because: "an unknown observation point is printed with its number"},
	{events: "trace/IGMPv3", member: "summary.igmp", because: "Cilium decodes version 3 as if it were 2"},
	{events: "trace/VLAN", member: "vlan", because: "a member that Cilium does not have"},
	{events: "trace/marked*", member: "packetMark", because: "the same"},
	{events: "trace/VLAN", member: "summary.*", because: "Cilium ends at the tag"},
	{events: "trace/GRE", member: "summary.*", because: "Cilium ends before it; here it is a tunnel around what it carries"},
	{events: "trace/recorded*", member: "summary.arp", because: "Cilium does not tell ARP"},
	{events: "trace/* header cut short", member: "summary", because: "the layers above the one that is cut short are good; Cilium leaves out all"},
	{events: "*/padding", member: "summary.ethernet", because: "Cilium takes the padding of the sample for packet data"},

	{events: "drop/*", member: "interface", because: "a member that Cilium does not have: the name"},

	{events: "capture/a part", member: "bytes", because: "the length of the packet, as in drop and trace; Cilium's is what was captured of it"},
	{events: "capture/a part", member: "summary", because: "the header cut short has ports; Cilium prints [error]"},
	{events: "capture/proxy-pre", member: "prefix", because: "Cilium has none and does not print such events but in JSON"},
	{events: "capture/snat-*", member: "prefix", because: "the same"},
	{events: "capture/unknown*", member: "prefix", because: "the same"},
	{events: "capture/unknown*", member: "message", because: "other words, and arguments in hex"},
	{events: "capture/*", member: "message", because: "other words", still: sameNumbers},

	{events: "debug/ct-lookup[46]-2", member: "message", because: "other words, and flags by name"},
	{events: "debug/*", member: "message", because: "other words", still: sameNumbers},

	{events: "l7/denied with a reason", member: "info", because: "a member that Cilium does not have"},
}

var asJSON = format.Options{Output: format.OutputJSON}

func TestJSON(t *testing.T) {
	var ours, cilium bytes.Buffer
	printOurs, printCilium := printer.Ours(&ours, asJSON), printer.Cilium(&cilium, asJSON)
	for _, e := range events(t) {
		if !strings.HasSuffix(e.name, "/padding") {
			e.payload.Data = withoutPadding(t, e.payload.Data)
		}
		ours.Reset()
		cilium.Reset()
		printOurs(e.payload)
		printCilium(e.payload)
		for _, d := range compare(t, ours.Bytes(), cilium.Bytes()) {
			jsonDifferences.explain(t, e.name, d)
		}
	}
	jsonDifferences.requireFound(t)
}

// compare returns what two lines differ in.
func compare(t *testing.T, ours, cilium []byte) []delta {
	t.Helper()
	var our, their map[string]any
	require.NoError(t, json.Unmarshal(ours, &our), "%s", ours)
	if err := json.Unmarshal(cilium, &their); err != nil {
		return []delta{{member: everything, ours: string(ours), cilium: string(cilium)}}
	}
	return appendDeltas(nil, "", our, their)
}

func appendDeltas(all []delta, prefix string, ours, cilium map[string]any) []delta {
	names := maps.Clone(ours)
	maps.Copy(names, cilium)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		our, their := ours[name], cilium[name]
		ourObject, ok1 := our.(map[string]any)
		theirObject, ok2 := their.(map[string]any)
		if ok1 && ok2 {
			all = appendDeltas(all, prefix+name+".", ourObject, theirObject)
		} else if !reflect.DeepEqual(our, their) {
			all = append(all, delta{member: prefix + name, ours: our, cilium: their})
		}
	}
	return all
}

// withoutPadding returns a sample without what follows its packet.
func withoutPadding(t *testing.T, sample []byte) []byte {
	t.Helper()
	var e api.Event
	switch typ, err := api.MessageType(sample); {
	case err != nil:
		t.Fatal(err)
	case typ == api.MessageTypeAgent || typ == api.MessageTypeAccessLog:
		return sample
	}
	require.NoError(t, e.Decode(sample))
	switch e.Type {
	case api.MessageTypeDrop:
		return sample[:e.Drop.DataOffset()+int(e.Drop.CapLen)]
	case api.MessageTypeTrace:
		return sample[:e.Trace.DataOffset()+int(e.Trace.CapLen)]
	case api.MessageTypePolicyVerdict:
		return sample[:e.PolicyVerdict.DataOffset()+int(e.PolicyVerdict.CapLen)]
	default:
		return sample
	}
}
