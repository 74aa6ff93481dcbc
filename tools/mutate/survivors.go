// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

// explanation is a line of the file of survivors.
type explanation struct {
	key  string
	line int
}

// separator is between a mutant and why it may survive.
const separator = " -- "

// readSurvivors reads the mutants that may survive, each with its reason: lines of
// "KEY -- REASON". Empty lines and those that begin with # say nothing.
func readSurvivors(path string) ([]explanation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []explanation
	var errs []error
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndex(line, separator)
		if i < 0 || strings.TrimSpace(line[i+len(separator):]) == "" {
			errs = append(errs, fmt.Errorf("%s:%d: no %q and reason after the mutant", path, n, separator))
			continue
		}
		all = append(all, explanation{line[:i], n})
	}
	return all, errors.Join(append(errs, lines.Err())...)
}
