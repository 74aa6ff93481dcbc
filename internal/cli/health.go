// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// partHealth is what a part of the agent has reported of its health.
type partHealth struct {
	name, level, message string
}

// healthLine is what hive's script command "health" prints for each part.
var healthLine = regexp.MustCompile(`^(.*?): level=(\w*) message=(.*) error=(.*)$`)

// errNoHealth is returned for an agent of another program, which need not have the command health.
var errNoHealth = errors.New("the agent does not tell its health")

// health returns the parts that have reported something.
func (c *shellClient) health() (parts []partHealth, err error) {
	text, err := c.ask("health")
	switch {
	case err != nil && strings.HasSuffix(err.Error(), "health: unknown command"):
		return nil, errNoHealth
	case err != nil:
		return nil, err
	}
	for _, line := range slices.Sorted(strings.Lines(text)) {
		m := healthLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[2] == "" {
			continue
		}
		p := partHealth{name: m[1], level: m[2], message: m[3]}
		if err := m[4]; err != "" {
			p.message += ": " + err
		}
		parts = append(parts, p)
	}
	return parts, nil
}
