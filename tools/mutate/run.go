// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/tools/go/packages"
)

// maxMemory is how much address space a build or a test may have: a mutant can be one that
// allocates for ever.
const maxMemory = 8 << 30

// result is what became of a mutant.
type result int

const (
	survived result = iota
	killed
	timedOut
	notViable // it does not compile
)

// slow is how long a test takes that is left for the mutants which the other tests do not kill.
const slow = 200 * time.Millisecond

// suite is the tests of a package, or some of them.
type suite struct {
	dir    string // of the package
	binary string // with all mutants that are in functions
	choice string // the flag that chooses the tests, or ""
	twice  bool   // whether it takes two failures to kill a mutant
	limit  time.Duration
}

// newSuites builds the tests of some packages with all mutants of pkg that are viable, marks the
// others, and runs the tests without a mutant, which have to pass, to measure how long they take.
// Of each package the tests that are not slow are a suite before the others.
func newSuites(ctx context.Context, tmp string, pkg *packages.Package, all []*mutant, dirs []string) ([]*suite, error) {
	overlay, err := buildable(ctx, tmp, pkg, all)
	if err != nil {
		return nil, err
	}
	var suites []*suite
	for _, dir := range dirs {
		// The agent's tests fail now and then on a busy machine.
		s := suite{dir: dir, binary: filepath.Join(tmp, testName(dir)), twice: dir != pkg.Dir}
		if output, err := buildTest(ctx, tmp, dir, s.binary, overlay); err != nil {
			return nil, fmt.Errorf("build the tests of %s: %w\n%s", dir, err, output)
		}
		output, err := s.measure(ctx)
		if err != nil {
			return nil, err
		}
		names := slowTests(output)
		if names == "" {
			suites = append(suites, &s)
			continue
		}
		for _, flag := range []string{"-test.skip", "-test.run"} {
			part := s
			part.choice = flag + "=^(" + names + ")$"
			if _, err := part.measure(ctx); err != nil {
				return nil, err
			}
			suites = append(suites, &part)
		}
	}
	return suites, nil
}

// measure runs the tests without a mutant, sets the time that they may take with one, and returns
// their output.
func (s *suite) measure(ctx context.Context) ([]byte, error) {
	const attempts = 3 // on a busy machine tests fail now and then
	for attempt := 1; ; attempt++ {
		start := time.Now()
		s.limit = 10 * time.Minute
		got, output := s.runBinary(ctx, s.binary, 0)
		if got == survived {
			s.limit = 5*time.Second + 5*time.Since(start)
			return output, nil
		}
		if attempt == attempts {
			return nil, fmt.Errorf("the tests of %s fail without any change:\n%s", s.dir, output)
		}
	}
}

var testPassed = regexp.MustCompile(`(?m)^--- PASS: (\w+) \((\d+\.\d+s)\)$`)

// slowTests returns the names of the tests that took long, with | between them.
func slowTests(output []byte) string {
	var names []string
	for _, match := range testPassed.FindAllStringSubmatch(string(output), -1) {
		if took, err := time.ParseDuration(match[2]); err == nil && took >= slow {
			names = append(names, match[1])
		}
	}
	return strings.Join(names, "|")
}

// buildable writes the files of a package with its mutants, without those that do not compile,
// and the overlay that has them in it.
func buildable(ctx context.Context, tmp string, pkg *packages.Package, all []*mutant) (overlay string, err error) {
	for {
		files, err := instrument(pkg, all)
		if err != nil {
			return "", err
		}
		selector := filepath.Join(pkg.Dir, "mutant_selector.go")
		texts := map[string]string{selector: fmt.Sprintf(selectorSource, pkg.Name)}
		for _, file := range files {
			texts[file.path] = file.text
		}
		if overlay, err = writeOverlay(tmp, texts); err != nil {
			return "", err
		}
		output, err := command(ctx, pkg.Dir, tmp, nil, "go", "build", "-gcflags=-e", "-overlay", overlay, ".")
		if err == nil {
			return overlay, nil
		}
		if !markBroken(files, output) {
			return "", fmt.Errorf("build %s with its mutants: %w\n%s", pkg.PkgPath, err, output)
		}
	}
}

// run runs the tests with a mutant.
func (s *suite) run(ctx context.Context, m *mutant) (result, error) {
	if m.broken {
		return notViable, nil
	}
	if m.function != nil {
		got, _ := s.runBinary(ctx, s.binary, m.id)
		return got, nil
	}
	tmp, err := os.MkdirTemp("", "mut")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	source, err := os.ReadFile(m.file)
	if err != nil {
		return 0, err
	}
	overlay, err := writeOverlay(tmp, map[string]string{m.file: apply(string(source), []edit{{m.start, m.end, m.text}})})
	if err != nil {
		return 0, err
	}
	binary := filepath.Join(tmp, testName(s.dir))
	if _, err := buildTest(ctx, tmp, s.dir, binary, overlay); err != nil {
		return notViable, nil
	}
	got, _ := s.runBinary(ctx, binary, 0)
	return got, nil
}

// testName returns what "go test" calls the tests of a package, which some ask for.
func testName(dir string) string { return filepath.Base(dir) + ".test" }

func buildTest(ctx context.Context, tmp, dir, binary, overlay string) ([]byte, error) {
	return command(ctx, dir, tmp, nil, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary)
}

// runBinary runs the tests with the mutant of that id, if it is not 0.
func (s *suite) runBinary(ctx context.Context, binary string, id int) (_ result, output []byte) {
	if _, err := os.Stat(binary); err != nil {
		return survived, nil // there are no tests
	}
	tmp, err := os.MkdirTemp("", "mut")
	if err != nil {
		return killed, []byte(err.Error())
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil { // tests connect to sockets there as other users
		return killed, []byte(err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	env := []string{selector + "=" + strconv.Itoa(id)}
	args := []string{"-test.failfast", "-test.timeout=0", "-test.v"}
	if s.choice != "" {
		args = append(args, s.choice)
	}
	output, err = command(ctx, s.dir, tmp, env, binary, args...)
	switch {
	case err == nil:
		return survived, output
	case ctx.Err() != nil:
		return timedOut, output
	default:
		return killed, output
	}
}

// writeOverlay has "go build -overlay" see these texts in the place of files.
func writeOverlay(tmp string, texts map[string]string) (path string, err error) {
	replace := map[string]string{}
	for _, file := range sortedKeys(texts) {
		replace[file] = filepath.Join(tmp, filepath.Base(file))
		err = errors.Join(err, os.WriteFile(replace[file], []byte(texts[file]), 0o600))
	}
	overlay, marshalErr := json.Marshal(map[string]any{"Replace": replace})
	path = filepath.Join(tmp, "overlay.json")
	return path, errors.Join(err, marshalErr, os.WriteFile(path, overlay, 0o600))
}

// command runs a command, and ends it with all that it started when ctx is done.
func command(ctx context.Context, dir, tmp string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "TMPDIR="+tmp), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd.CombinedOutput()
}
