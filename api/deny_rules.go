// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"strconv"
	"strings"
)

// denyRulesNotice begins the text of a [DenyRulesNotice], behind that of all notices.
const denyRulesNotice = "deny rules: "

// DenyRulesNotice tells clients in other processes the texts of the deny rules of the monitor's own datapath
// (package bpf), in their order. None may have a comma. The [PolicyVerdictNotify] of a packet that a rule
// denies has the number of the rule, from 1, as Cookie. It is a [MonitorNotice].
func DenyRulesNotice(rules []string) AgentNotifyMessage {
	numbered := make([]string, 0, len(rules))
	for i, rule := range rules {
		numbered = append(numbered, strconv.Itoa(i+1)+" "+rule)
	}
	return MonitorNotice(denyRulesNotice + strings.Join(numbered, ", "))
}

// DecodeDenyRules returns the rules of a sample that is a [DenyRulesNotice], the first of them numbered 1;
// ok is false for all other samples, which costs little.
func DecodeDenyRules(sample []byte) (rules []string, ok bool) {
	var n AgentNotify
	if !bytes.Contains(sample, []byte(monitorNotice+denyRulesNotice)) || n.Decode(sample) != nil {
		return nil, false
	}
	text, ok := n.MonitorNotice()
	if !ok {
		return nil, false
	}
	text, ok = strings.CutPrefix(text, denyRulesNotice)
	if !ok {
		return nil, false
	}
	for numbered := range strings.SplitSeq(text, ", ") {
		number, rule, _ := strings.Cut(numbered, " ")
		if number != strconv.Itoa(len(rules)+1) || rule == "" {
			return nil, false
		}
		rules = append(rules, rule)
	}
	return rules, true
}
