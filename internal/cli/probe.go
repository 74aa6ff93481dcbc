// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/cilium/hive/cell"
)

// probeAgent returns an error if a part of the agent is not well, such as a source that can't
// be read. It asks for nothing that takes the agent time.
func probeAgent(c *shellClient) error {
	parts, err := c.health()
	if err != nil {
		return err
	}
	var unwell []string
	for _, p := range parts {
		if p.level == string(cell.StatusDegraded) {
			unwell = append(unwell, fmt.Sprintf("%s: %s", p.name, p.message))
		}
	}
	// An agent that hangs can't answer this.
	if _, err := c.ask("monitor/status"); err != nil {
		return err
	}
	if len(unwell) > 0 {
		return unwellError(fmt.Errorf("the agent is not well: %s", strings.Join(unwell, "; ")))
	}
	return nil
}
