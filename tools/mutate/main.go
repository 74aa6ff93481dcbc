// SPDX-License-Identifier: Apache-2.0

// Mutate tells what no test would notice: it changes one operator, statement or result at a time
// and runs the tests of the package, of which one should fail. Otherwise the mutant survives.
//
// Killed is a mutant with which a test fails, panics, or twice does not end in five times the time
// of a run without a change and five seconds more; the last ones are also counted and told apart.
// What does not compile is no mutant. Tests that take long are run on the mutants that the others
// leave. Each survivor has to be in the file of survivors, with its reason,
// or the run fails; so does an entry of which there is no mutant any more. An entry that was
// killed is told, no more: tests that choose at random kill some mutants only now and then.
//
// The mutants of internal packages of the agent that survive their own tests meet those of
// package agent as well, the public API that these packages are for.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/tools/go/packages"
)

func main() {
	log.SetFlags(0)
	parallel := flag.Int("parallel", 2, "mutants to try at a time")
	only := flag.String("only", "", "try only the mutants that have this in their line of the file")
	file := flag.String("survivors", "mutate/survivors.txt", "mutants that may survive")
	flag.Parse()
	// Inherited by builds and tests.
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: maxMemory, Max: maxMemory}); err != nil {
		log.Fatalf("limit the memory: %v", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *file, *only, *parallel, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file, only string, parallel int, patterns []string) error {
	module, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	expected, err := readSurvivors(file)
	if err != nil {
		return err
	}
	loaded, err := load(module, patterns)
	if err != nil {
		return err
	}
	var errs []error
	for _, pkg := range loaded {
		s, err := try(ctx, module, pkg, only, parallel)
		if err != nil {
			return err
		}
		if len(s.results) > 0 {
			errs = append(errs, expected.compare(os.Stdout, s))
		}
	}
	return errors.Join(errs...)
}

// try runs the tests with each mutant of a package.
func try(ctx context.Context, module string, pkg *packages.Package, only string, parallel int) (*score, error) {
	name, err := filepath.Rel(module, pkg.Dir)
	if err != nil {
		return nil, err
	}
	s := &score{pkg: name, results: map[*mutant]result{}}
	if s.mutants, err = mutants(module, pkg); err != nil || len(s.mutants) == 0 {
		return s, err
	}
	dirs := []string{pkg.Dir}
	if strings.HasPrefix(name, "agent/internal/") {
		dirs = append(dirs, filepath.Join(module, "agent"))
	}
	tmp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	suites, err := newSuites(ctx, tmp, pkg, s.mutants, dirs)
	if err != nil {
		return nil, err
	}
	return s, s.tryAll(ctx, suites, only, parallel)
}
