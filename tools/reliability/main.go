// SPDX-License-Identifier: Apache-2.0

// Reliability runs the tests that docs/reliability.md names, and writes into the last column of its
// tables how often each row's tests passed.
//
//	reliability [-runs 20] [-only REGEXP] ../docs/reliability.md
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	runs := flag.Int("runs", 20, "how often to run each test")
	only := flag.String("only", "", "try only the rows with a test whose name matches")
	flag.Parse()
	if err := run(flag.Arg(0), *runs, *only); err != nil {
		log.Fatalf("try what the reliability page promises: %v", err)
	}
}

// test is a test function of a package, whose path is relative to the module.
type test struct{ pkg, name string }

func run(path string, runs int, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(string(page), "\n")
	rows := map[int][]test{} // by the index of their line
	byPackage := map[string][]string{}
	for i, line := range lines {
		tests := testsOf(line)
		if !slices.ContainsFunc(tests, func(t test) bool { return wanted.MatchString(t.name) }) {
			continue
		}
		rows[i] = tests
		for _, t := range tests {
			if !slices.Contains(byPackage[t.pkg], t.name) {
				byPackage[t.pkg] = append(byPackage[t.pkg], t.name)
			}
		}
	}
	results := map[test]int{} // how often they passed
	for _, pkg := range slices.Sorted(maps.Keys(byPackage)) {
		if err := try(pkg, byPackage[pkg], runs, results); err != nil {
			return err
		}
	}
	var failed []string
	for _, i := range slices.Sorted(maps.Keys(rows)) {
		worst := runs
		for _, t := range rows[i] {
			passed := results[t]
			worst = min(worst, passed)
			if passed < runs {
				failed = append(failed, fmt.Sprintf("%s of %s passed %d times of %d", t.name, t.pkg, passed, runs))
			}
		}
		cells := strings.Split(lines[i], " | ")
		cells[len(cells)-1] = fmt.Sprintf("%d of %d |", worst, runs)
		lines[i] = strings.Join(cells, " | ")
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		return err
	}
	if len(failed) > 0 {
		return errors.New(strings.Join(failed, "\n"))
	}
	return nil
}

// A row's last cells are the tests, each package's after its path in backquotes, and the result. Rows
// that name no package of this module, but a command, are run otherwise.
var (
	packageTests = regexp.MustCompile("`([a-z./]+)` ((?:(?:Test|Fuzz)[A-Za-z0-9]+(?:, )?)+)")
	testName     = regexp.MustCompile(`(?:Test|Fuzz)[A-Za-z0-9]+`)
)

// testsOf returns the tests that a line of the page names, none if it is no row.
func testsOf(line string) (tests []test) {
	cells := strings.Split(line, " | ")
	if len(cells) != 4 || strings.Contains(cells[2], "`make ") {
		return nil
	}
	for _, match := range packageTests.FindAllStringSubmatch(cells[2], -1) {
		for _, name := range testName.FindAllString(match[2], -1) {
			tests = append(tests, test{match[1], name})
		}
	}
	return tests
}

// try runs tests of a package, and adds what happened to results.
func try(pkg string, names []string, runs int, results map[test]int) error {
	log.Printf("%s: %s", pkg, strings.Join(names, ", "))
	var errOut bytes.Buffer
	cmd := exec.Command("go", "test", "-json", "-timeout", "2h", "-count", fmt.Sprint(runs),
		"-run", "^("+strings.Join(names, "|")+")$", "./"+pkg)
	cmd.Dir = ".."
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("run the tests of %s: %w", pkg, err)
	}
	events := json.NewDecoder(bytes.NewReader(out))
	for {
		var event struct{ Action, Test, Output string }
		if err := events.Decode(&event); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read what the tests of %s print: %w\n%s", pkg, err, &errOut)
		}
		switch {
		case event.Action == "pass":
			results[test{pkg, event.Test}]++
		case event.Action == "output" && strings.HasPrefix(strings.TrimSpace(event.Output), "--- FAIL"):
			log.Print(strings.TrimRight(event.Output, "\n"))
		}
	}
}
