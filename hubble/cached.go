// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"sync"
	"time"
)

// cached is an answer that takes work to find, and that those get who ask soon after.
type cached[T any] struct {
	mu    sync.Mutex // guards what follows, and has one at a time find the answer
	value T
	found time.Time
}

// get returns the answer, which is not older than maxAge.
func (c *cached[T]) get(maxAge time.Duration, find func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.found.IsZero() && time.Since(c.found) < maxAge {
		return c.value, nil
	}
	value, err := find()
	if err != nil {
		return value, err
	}
	c.value, c.found = value, time.Now()
	return value, nil
}
