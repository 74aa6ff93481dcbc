// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// pinPollInterval is how often AwaitPin looks: rarely enough to cost nothing, often
// enough for a person who waits.
const pinPollInterval = 250 * time.Millisecond

// AwaitPin waits until something is pinned at path by whoever runs a datapath,
// or until the context ends, and then returns its error.
func AwaitPin(ctx context.Context, path string) error {
	tick := time.NewTicker(pinPollInterval)
	defer tick.Stop()
	for {
		_, err := os.Stat(path)
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("wait for the events map: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
