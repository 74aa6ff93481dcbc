// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"strings"
)

// Output is the shape that events are printed in. The zero value is OutputCompact.
type Output uint8

const (
	// OutputCompact is for people: a line that says when, what, from where to where, why, where and which rule, and
	// leaves out what is not known.
	OutputCompact Output = iota

	// OutputCilium is what "cilium monitor" prints, byte for byte, for scripts that parse it.
	OutputCilium

	// OutputJSON is a JSON object on each line, always with all events and all fields.
	OutputJSON
)

var outputNames = [...]string{OutputCompact: "compact", OutputCilium: "cilium", OutputJSON: "json"}

// OutputNames returns the names of all outputs, the default first.
func OutputNames() []string { return append([]string(nil), outputNames[:]...) }

// String returns the name.
func (o Output) String() string { return outputNames[o] }

// Set sets o to the output of a name. It makes *Output a pflag.Value.
func (o *Output) Set(name string) error {
	for i, n := range outputNames {
		if n == name {
			*o = Output(i)
			return nil
		}
	}
	return fmt.Errorf("it is %s or %s", strings.Join(outputNames[:len(outputNames)-1], ", "), outputNames[len(outputNames)-1])
}

// Type implements pflag.Value.
func (o *Output) Type() string { return "FORMAT" }
