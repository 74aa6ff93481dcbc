// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
)

// score is what became of the mutants of a package.
type score struct {
	pkg     string
	mutants []*mutant
	results map[*mutant]result // of those that were tried
}

// tryAll tries the mutants, some at a time, each with one suite after the other until it is killed.
func (s *score) tryAll(ctx context.Context, suites []*suite, only string, parallel int) error {
	var mu sync.Mutex // guards errs and s.results
	var errs []error
	var workers sync.WaitGroup
	queue := make(chan *mutant)
	for range parallel {
		workers.Go(func() {
			for m := range queue {
				got, err := tryOne(ctx, m, suites)
				mu.Lock()
				s.results[m] = got
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	for _, m := range s.mutants {
		if strings.Contains(m.key(), only) && ctx.Err() == nil {
			queue <- m
		}
	}
	close(queue)
	workers.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

func tryOne(ctx context.Context, m *mutant, suites []*suite) (got result, err error) {
	for _, suite := range suites {
		if got, err = suite.run(ctx, m); got != survived || err != nil {
			break
		}
	}
	return got, err
}

// count returns how many mutants had a result.
func (s *score) count(want result) (n int) {
	for _, got := range s.results {
		if got == want {
			n++
		}
	}
	return n
}

// report prints the survivors that nobody has explained, what is wrong with the explanations, and
// a table of scores. The error says what has to be done.
func report(out io.Writer, scores []*score, explained []explanation, only string) error {
	expected := map[string]int{} // lines of the file
	for _, e := range explained {
		expected[e.key] = e.line
	}
	unexplained, exists := 0, map[string]bool{}
	for _, s := range scores {
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
			}
		}
	}
	gone := 0
	for _, e := range explained {
		if ofPackages(scores, e.key) && !exists[e.key] {
			gone++
			fmt.Fprintf(out, "there is no such mutant, line %d of the file: %s\n", e.line, e.key)
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "mutants\tkilled\tof them by time\tsurvivors\tscore\t  package")
	for _, s := range scores {
		late, survivors := s.count(timedOut), s.count(survived)
		dead := s.count(killed) + late
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%.1f %%\t  %s\n", dead+survivors, dead, late, survivors, 100*float64(dead)/float64(max(1, dead+survivors)), s.pkg)
	}
	err := table.Flush()
	if unexplained > 0 {
		err = errors.Join(err, fmt.Errorf("%d mutants survive: test what they change, or explain them", unexplained))
	}
	if gone > 0 {
		err = errors.Join(err, fmt.Errorf("%d explanations are of no mutant: remove them", gone))
	}
	return err
}

// ofPackages tells whether a mutant is of one of the packages.
func ofPackages(scores []*score, key string) bool {
	for _, s := range scores {
		if rest, found := strings.CutPrefix(key, s.pkg+"/"); found {
			name, _, _ := strings.Cut(rest, " ")
			if !strings.Contains(name, "/") {
				return true
			}
		}
	}
	return false
}
