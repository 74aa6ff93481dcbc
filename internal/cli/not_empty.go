// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"

	"github.com/spf13/pflag"
)

// notEmpty is the value of a flag that cannot be empty.
type notEmpty struct{ pflag.Value }

// Set implements pflag.Value.
func (v notEmpty) Set(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	return v.Value.Set(text)
}
