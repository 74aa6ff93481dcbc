// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// Bounds of the regular expressions of a filter, with which they take at most some 2 MiB.
const (
	// MaxExpressionCost is what all of them may cost together, those that patterns of names become, too. Each costs 10, each
	// operator, character and class in it 1, as often as it is repeated, and each range of a class 1: [a-z]{63} costs 137.
	MaxExpressionCost = 10_000

	// MaxExpressionBytes is how long one may be. It bounds what parsing takes: \pL has hundreds of ranges.
	MaxExpressionBytes = 2048

	costOfEach = 10
)

// ErrExpensive is the error of regular expressions that cost more than [MaxExpressionCost], or one of which is longer than
// [MaxExpressionBytes].
var ErrExpensive = errors.New("the regular expressions of the filters are too large together")

// budget is what the regular expressions of a filter may still cost. They are what a client sends: without a bound a text of
// some KiB makes a program of hundreds of MiB.
type budget struct{ left int }

func newBudget() *budget { return &budget{left: MaxExpressionCost} }

// spend takes the cost of an expression.
//
// Possible errors: [ErrExpensive], and those of [syntax.Parse].
func (b *budget) spend(text string) error {
	if n := len(text); n > MaxExpressionBytes {
		return fmt.Errorf("%w: one has %d bytes, and may have %d", ErrExpensive, n, MaxExpressionBytes)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	if b.left -= costOfEach + costOf(parsed, 1); b.left < 0 {
		return fmt.Errorf("%w: they cost %d or more, and may cost %d", ErrExpensive, MaxExpressionCost-b.left, MaxExpressionCost)
	}
	return nil
}

// costOf returns the cost of what an expression is compiled into if it is there so many times. A repetition is
// compiled as often as it may be, the ranges of a class are shared.
func costOf(e *syntax.Regexp, times int) int {
	switch e.Op {
	case syntax.OpLiteral:
		return times * len(e.Rune)
	case syntax.OpCharClass:
		return times + len(e.Rune)/2
	case syntax.OpRepeat:
		times *= max(1, e.Min, e.Max)
	default:
	}
	cost := times
	for _, sub := range e.Sub {
		cost += costOf(sub, times)
	}
	return cost
}

// expressions are regular expressions, one of which is to match.
type expressions []*regexp.Regexp

// compileAll returns the expressions of texts, if the budget has their cost.
func (b *budget) compileAll(texts []string) (expressions, error) {
	all := make(expressions, 0, len(texts))
	for _, text := range texts {
		if err := b.spend(text); errors.Is(err, ErrExpensive) {
			return nil, err // without the text, which may be long
		}
		e, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("expression %q: %w", text, err)
		}
		all = append(all, e)
	}
	return all, nil
}

func (all expressions) match(text string) bool {
	return slices.ContainsFunc(all, func(e *regexp.Regexp) bool { return e.MatchString(text) })
}
