// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"strconv"
	"strings"

	"github.com/cilium/hive/script"
)

// count parses a number of events.
func count(arg string) (uint64, error) {
	n, err := strconv.ParseUint(arg, 10, 32)
	if err != nil {
		return 0, script.ErrUsage
	}
	return n, nil
}

// lines returns a line for each element.
func lines[E any](all []E, line func(E) string) string {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(line(e) + "\n")
	}
	return b.String()
}
