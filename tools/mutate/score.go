// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"sync"
)

// score is what became of the mutants of a package.
type score struct {
	pkg     string
	mutants []*mutant
	results map[*mutant]result // of those that were tried
}

// progress is after how many mutants it is told how many there were.
const progress = 200

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
				if n := len(s.results); n%progress == 0 {
					log.Printf("%s: %d of %d mutants tried, %d survive", s.pkg, n, len(s.mutants), s.count(survived))
				}
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

// tryOne runs one suite after the other until the mutant is killed. On a busy machine one that
// seems to be killed by time may only have been slow, so that takes two attempts.
func tryOne(ctx context.Context, m *mutant, suites []*suite) (got result, err error) {
	for _, suite := range suites {
		got, err = suite.run(ctx, m)
		if (suite.twice && got != survived || got == timedOut) && err == nil {
			got, err = suite.run(ctx, m)
		}
		if got != survived || err != nil {
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

// total returns how many mutants there are that compile.
func (s *score) total() int { return len(s.results) - s.count(notViable) }

// dead returns how many of them were killed.
func (s *score) dead() int { return s.count(killed) + s.count(timedOut) }

func (s *score) String() string {
	return fmt.Sprintf("%s: %d of %d mutants killed (%d by time), %.1f %%",
		s.pkg, s.dead(), s.total(), s.count(timedOut), 100*float64(s.dead())/float64(max(1, s.total())))
}
