// SPDX-License-Identifier: Apache-2.0

package hubble

import "github.com/cilium/monitor/api"

// denyRules are the texts of the deny rules of the monitor's own datapath; verdicts have their numbers, from 1.
type denyRules []string

// newDenyRules returns the rules that clients of the monitor are told of before anything else.
func newDenyRules(opening []api.AgentNotifyMessage) denyRules {
	for _, message := range opening {
		sample, err := message.Append(nil)
		if err != nil {
			continue // whoever tells it reports why that can't be
		}
		if rules, ok := api.DecodeDenyRules(sample); ok {
			return rules
		}
	}
	return nil
}

// DenyRule implements flow.DenyRuleGetter.
func (rules denyRules) DenyRule(number uint32) (text string, ok bool) {
	if number == 0 || uint64(number) > uint64(len(rules)) {
		return "", false
	}
	return rules[number-1], true
}
