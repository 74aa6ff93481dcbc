// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"strings"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// payloadLine returns the line that "monitor watch -v --numeric" prints for a payload.
func payloadLine(pl payload.Payload) string {
	ev := format.NewEvent(nil)
	ev.Decode(&pl)
	f := format.New(format.Options{Level: format.LevelDebug, Numeric: true})
	return strings.TrimSuffix(string(f.Append(nil, ev)), "\n")
}
