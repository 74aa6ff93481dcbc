// SPDX-License-Identifier: Apache-2.0

// Package guest calls the code of others, who subscribe: what it does wrong must stay its own.
package guest

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic in the code of a guest.
type PanicError struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

func (e *PanicError) Error() string { return fmt.Sprintf("it panicked: %v", e.Value) }

// Recovered returns the error for what recover returned in a deferred function, nil if that is nil.
func Recovered(value any) error {
	if value == nil {
		return nil
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// Call calls f and returns a [*PanicError] if it panics.
func Call(f func()) (err error) {
	defer func() { err = Recovered(recover()) }()
	f()
	return nil
}

// Name returns what people are told a guest is: what its String method returns, else its type.
func Name(g any) string {
	name := fmt.Sprintf("%T", g)
	if s, ok := g.(fmt.Stringer); ok {
		_ = Call(func() { name = s.String() })
	}
	return name
}
