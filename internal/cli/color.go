// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/term"
)

// colorMode is the value of --color. The zero value is auto.
type colorMode string

const (
	colorAuto   colorMode = "auto"
	colorAlways colorMode = "always"
	colorNever  colorMode = "never"
)

// Set implements pflag.Value.
func (m *colorMode) Set(text string) error {
	if !slices.Contains([]colorMode{colorAuto, colorAlways, colorNever}, colorMode(text)) {
		return errors.New("it is auto, always or never")
	}
	*m = colorMode(text)
	return nil
}

// String implements pflag.Value.
func (m *colorMode) String() string {
	if *m == "" {
		return string(colorAuto)
	}
	return string(*m)
}

// Type implements pflag.Value.
func (m *colorMode) Type() string { return "WHEN" }

// on tells whether what is written to out has colors. See https://no-color.org.
func (m *colorMode) on(out *os.File) bool {
	switch *m {
	case colorAlways:
		return true
	case colorNever:
		return false
	default:
		return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(out.Fd()))
	}
}
