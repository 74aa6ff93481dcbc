// SPDX-License-Identifier: Apache-2.0

package cli

import "errors"

// outputFormat is the value of --output.
type outputFormat string

const (
	outputText outputFormat = "text"
	outputJSON outputFormat = "json"
)

// Set implements pflag.Value.
func (f *outputFormat) Set(text string) error {
	if text != string(outputText) && text != string(outputJSON) {
		return errors.New("it is text or json")
	}
	*f = outputFormat(text)
	return nil
}

// String implements pflag.Value.
func (f *outputFormat) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *outputFormat) Type() string { return "FORMAT" }
