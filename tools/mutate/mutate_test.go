// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outcomes are the mutants of testdata/module, and what becomes of them.
var outcomes = map[string]result{
	"code.go tenth: 100 / 10 => 100 * 10": killed,

	"code.go Half: n < 0 || n%2 != 0 => n < 0 && n%2 != 0":                     killed,
	"code.go Half: n < 0 => n >= 0":                                            killed,
	"code.go Half: n < 0 => n <= 0":                                            survived,
	"code.go Half: n%2 != 0 => n%2 == 0":                                       killed,
	"code.go Half: n%2 => n*2":                                                 killed,
	"code.go Half: n / 2 => n * 2":                                             killed,
	"code.go Half: return n / 2, nil => return 0, nil":                         killed,
	`code.go Half: return 0, fmt.Errorf("%d has no half", n) => return 0, nil`: killed,

	"code.go Sum: i < len(numbers) => i >= len(numbers)": killed,
	"code.go Sum: i < len(numbers) => i <= len(numbers)": killed,
	"code.go Sum: i++ => i--":                            killed,
	"code.go Sum: sum += numbers[i] => removed":          killed,

	`code.go list.add: l.all = append(l.all, s+"!") => removed`: killed,
	"code.go list.nothing: return true => return false":         survived,
	`code.go list.first: return l.all[0] => return ""`:          killed, // by the slow test alone
}

func TestOutcomes(t *testing.T) {
	module, err := filepath.Abs("testdata/module")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := load(module, []string{"."})
	if err != nil {
		t.Fatal(err)
	}
	s, err := try(t.Context(), module, loaded[0], "", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.mutants {
		want, known := outcomes[m.key()]
		if got := s.results[m]; !known || got != want {
			t.Errorf("%s: result %d, want %d (known: %t)", m.key(), got, want, known)
		}
	}
	if len(s.mutants) != len(outcomes) {
		t.Errorf("%d mutants, want %d", len(s.mutants), len(outcomes))
	}

	var out bytes.Buffer
	expected := survivors{"code.go Half: n < 0 => n <= 0": 3, "code.go Half: n / 2 => n * 2": 4, "code.go Gone: a => b": 5}
	err = expected.compare(&out, s)
	if err == nil {
		t.Fatal("a mutant that survives without a reason, and a reason without a mutant, are no error")
	}
	for _, want := range []string{"1 mutants survive", "1 explanations are of no mutant"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
	for _, want := range []string{
		"survives, line 30: code.go list.nothing: return true => return false\n",
		"killed this time, though line 4 of the file has it: code.go Half: n / 2 => n * 2\n",
		"there is no such mutant any more, line 5 of the file: code.go Gone: a => b\n",
		".: 14 of 16 mutants killed (0 by time), 87.5 %\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the output:\n%s", want, out.String())
		}
	}
}

func TestReadSurvivors(t *testing.T) {
	name := filepath.Join(t.TempDir(), "survivors.txt")
	write := func(lines ...string) {
		if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# a comment", "", "a.go f: x -- 1 => x + 1 -- nobody can tell")
	all, err := readSurvivors(name)
	if err != nil || len(all) != 1 || all["a.go f: x -- 1 => x + 1"] != 3 {
		t.Fatal(all, err)
	}
	write("a.go f: x => y -- why", "a.go f: x => y -- twice", "a.go f: no reason", "a.go f: none either -- ")
	_, err = readSurvivors(name)
	if err == nil || slices.ContainsFunc([]string{":2:", ":3:", ":4:"}, func(s string) bool { return !strings.Contains(err.Error(), s) }) {
		t.Fatal(err)
	}
}

func TestSlowTests(t *testing.T) {
	output := "--- PASS: TestFast (0.19s)\n--- PASS: TestA (0.20s)\n    --- PASS: TestA/sub (0.20s)\n--- PASS: FuzzB (61.00s)\nPASS\n"
	if got := slowTests([]byte(output)); got != "TestA|FuzzB" {
		t.Fatal(got)
	}
}
