// SPDX-License-Identifier: Apache-2.0

// Package module is what the tests of mutate mutate.
package module

import "fmt"

const tenth = 100 / 10

// Half returns the half of an even number that is not negative.
func Half(n int) (int, error) {
	if n < 0 || n%2 != 0 {
		return 0, fmt.Errorf("%d has no half", n)
	}
	return n / 2, nil
}

// Sum adds numbers up.
func Sum[T ~int](_ string, numbers ...T) (sum T) {
	for i := 0; i < len(numbers); i++ {
		sum += numbers[i]
	}
	return sum
}

type list struct{ all []string }

func (l *list) add(s string) { l.all = append(l.all, s+"!") }

func (*list) nothing() bool { return true }

func (l *list) first() string { return l.all[0] }
