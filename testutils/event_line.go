// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"strings"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// payloadLine returns the line that "monitor watch --numeric --timestamps=none" prints for a payload, with -v
// for one of a type that is hidden without.
func payloadLine(pl payload.Payload) string {
	ev := format.NewEvent(nil)
	ev.Decode(&pl)
	var line []byte
	for level := format.LevelDefault; len(line) == 0 && level <= format.LevelDebug; level++ {
		line = format.New(format.Options{Level: level, Numeric: true}).Append(nil, ev)
	}
	return strings.TrimSuffix(string(line), "\n")
}
