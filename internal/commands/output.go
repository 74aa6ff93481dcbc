// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/cilium/monitor/internal/inert"
)

// outputFormat is the value of the flag --output.
type outputFormat string

const (
	flagOutput = "output"

	outputText outputFormat = "text"
	outputJSON outputFormat = "json"
)

// addOutputFlag adds the flag that asks for text or JSON.
func addOutputFlag(fs *pflag.FlagSet) {
	format := outputText
	fs.VarP(&format, flagOutput, "o", "text for people, json for scripts")
}

// wantsJSON tells whether the parsed flags ask for JSON.
func wantsJSON(fs *pflag.FlagSet) bool {
	return fs.Lookup(flagOutput).Value.String() == string(outputJSON)
}

// Set implements pflag.Value.
func (f *outputFormat) Set(text string) error {
	if !slices.Contains([]outputFormat{outputText, outputJSON}, outputFormat(text)) {
		return errors.New("it is text or json")
	}
	*f = outputFormat(text)
	return nil
}

// String implements pflag.Value.
func (f *outputFormat) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *outputFormat) Type() string { return "FORMAT" }

// toJSON returns a value as JSON for people who read it, too.
func toJSON(value any) (string, error) {
	out, err := json.MarshalIndent(value, "", "  ")
	return string(inert.AppendJSONValue(nil, out)) + "\n", err
}

// table returns rows, whose columns are separated by tabs, with aligned columns.
func table(rows ...string) string {
	var out strings.Builder
	tw := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(tw, row)
	}
	_ = tw.Flush() // to memory
	return out.String()
}
