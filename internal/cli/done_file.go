// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"os"
)

// doneFile returns a file that can be read from when ctx is cancelled, for those who poll files.
// release closes it.
func doneFile(ctx context.Context) (done *os.File, release func(), err error) {
	done, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("watch for the end: %w", err)
	}
	cancelled := context.AfterFunc(ctx, func() { w.Close() })
	return done, func() {
		if cancelled() {
			w.Close()
		}
		done.Close()
	}, nil
}
