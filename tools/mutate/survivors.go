// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// separator is between a mutant and why it may survive.
const separator = " -- "

// survivors are the mutants that may survive: the numbers of their lines in a file.
type survivors map[string]int

// readSurvivors reads lines of "KEY -- REASON". Empty ones and those that begin with # say nothing.
func readSurvivors(name string) (survivors, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all := survivors{}
	var errs []error
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndex(line, separator)
		switch {
		case i < 0 || strings.TrimSpace(line[i+len(separator):]) == "":
			errs = append(errs, fmt.Errorf("%s:%d: no %q and reason after the mutant", name, n, separator))
		case all[line[:i]] != 0:
			errs = append(errs, fmt.Errorf("%s:%d: line %d has this mutant already", name, n, all[line[:i]]))
		default:
			all[line[:i]] = n
		}
	}
	return all, errors.Join(append(errs, lines.Err())...)
}

// compare prints which mutants of a package survived without a reason, and which reasons are of none
// that did. The error says what has to be done.
func (expected survivors) compare(out io.Writer, s *score) error {
	unexplained, gone := 0, 0
	exists := map[string]bool{}
	for _, m := range s.mutants {
		exists[m.key()] = true
		got, tried := s.results[m]
		switch line := expected[m.key()]; {
		case !tried:
		case got == survived && line == 0:
			unexplained++
			fmt.Fprintf(out, "survives, line %d: %s\n", m.line, m.key())
		case got != survived && line != 0:
			fmt.Fprintf(out, "killed this time, though line %d of the file has it: %s\n", line, m.key())
		case got == timedOut:
			fmt.Fprintf(out, "killed by time, line %d: %s\n", m.line, m.key())
		}
	}
	for key, line := range expected {
		file, _, _ := strings.Cut(key, " ")
		if path.Dir(file) == s.pkg && !exists[key] {
			gone++
			fmt.Fprintf(out, "there is no such mutant any more, line %d of the file: %s\n", line, key)
		}
	}
	fmt.Fprintln(out, s)
	var errs []error
	if unexplained > 0 {
		errs = append(errs, fmt.Errorf("%s: %d mutants survive: test what they change, or explain them", s.pkg, unexplained))
	}
	if gone > 0 {
		errs = append(errs, fmt.Errorf("%s: %d explanations are of no mutant: remove them", s.pkg, gone))
	}
	return errors.Join(errs...)
}
