// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// endSignals are those that end the program: SIGINT, SIGTERM, and the end of the terminal unless that is to be survived.
func endSignals() []os.Signal {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// stopConditions returns a context that is cancelled with its parent, by the signals that end the program, after
// the duration unless that is 0, as soon as nobody can read any more what is written to
// out, and by stop. A second signal kills the process.
//
// release must be called at the end.
func stopConditions(parent context.Context, out *os.File, duration time.Duration) (ctx context.Context, stop, release func(), err error) {
	// With the default action a broken pipe kills the process before the summary.
	signal.Ignore(syscall.SIGPIPE)

	ctx, stop = signal.NotifyContext(parent, endSignals()...)
	context.AfterFunc(ctx, stop) // which brings back the default action of the signals
	if duration > 0 {
		time.AfterFunc(duration, stop)
	}
	endPoll, err := whenReaderGone(out, stop)
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return ctx, stop, func() { stop(); endPoll() }, nil
}
