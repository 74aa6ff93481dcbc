// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
)

// outputBuffer is how many bytes are written at once while events keep coming.
const outputBuffer = 64 << 10

// watcher prints events. Everything happens on the goroutine that calls follow.
type watcher struct {
	out       *bufio.Writer
	messages  io.Writer // about the connection, and the summary
	event     *format.Event
	filter    *format.Filter
	formatter *format.Formatter
	limit     int    // events to print; 0: no limit
	stop      func() // cancels the context that follow has

	printed   int // events
	line      []byte
	summary   format.Summary
	connected bool      // at least once
	lostAt    time.Time // when the connection was lost
	writeErr  error     // of out
}

// follow prints the events of the agent that serves the socket at path until ctx is
// cancelled, the limit is reached or the output can't be written. That somebody does not
// want to read any more is no error.
func (w *watcher) follow(ctx context.Context, path string) error {
	payloads := client.Follow(ctx, path, client.Notify{
		Connected:    func() { w.tellConnected(path) },
		Disconnected: w.tellDisconnected,
		Wait:         w.flush,
	})
	var failed error
	for pl, err := range payloads {
		if err != nil {
			failed = explain(err)
			break
		}
		if !w.print(pl) {
			break
		}
	}
	w.flush()
	switch {
	case errors.Is(w.writeErr, syscall.EPIPE):
		return nil
	case w.writeErr != nil:
		return w.writeErr
	case ctx.Err() != nil:
		return nil
	default:
		return failed
	}
}

// print prints the event if it is wanted, and returns whether the watch goes on.
func (w *watcher) print(pl *payload.Payload) bool {
	w.event.Decode(pl)
	if !w.filter.Match(w.event) {
		return true
	}
	w.summary.Count(w.event)
	w.line = w.formatter.Append(w.line[:0], w.event)
	if len(w.line) == 0 {
		return true
	}
	if _, w.writeErr = w.out.Write(w.line); w.writeErr != nil {
		return false
	}
	if w.event.Lost() == 0 {
		w.printed++
	}
	return w.limit == 0 || w.printed < w.limit
}

// flush writes what is printed.
func (w *watcher) flush() {
	if w.writeErr = w.out.Flush(); w.writeErr != nil {
		w.stop()
	}
}

func (w *watcher) tellConnected(path string) {
	if w.connected {
		fmt.Fprintf(w.messages, "Connected again after %s, events in between are missing\n", time.Since(w.lostAt).Round(time.Millisecond))
		return
	}
	w.connected = true
	fmt.Fprintf(w.messages, "Connected to the agent at %s, Ctrl-C stops\n", path)
}

func (w *watcher) tellDisconnected(err error) {
	w.flush()
	w.lostAt = time.Now()
	reason := err.Error()
	if errors.Is(err, io.EOF) {
		reason = "it closed the connection"
	}
	fmt.Fprintf(w.messages, "Lost the agent: %s. Waiting for it\n", reason)
}

func (w *watcher) writeSummary() {
	w.messages.Write(w.summary.Append([]byte{'\n'}))
}

// explain says in an error of the connection what can be done.
func explain(err error) error {
	switch {
	case errors.Is(err, client.ErrNotRunning):
		return fmt.Errorf("%w (another socket: --monitor-socket)", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (try sudo, or join the group cilium)", err)
	case errors.Is(err, payload.ErrNotASession):
		return fmt.Errorf("this is not the socket of a monitor agent: %w", err)
	default:
		return err
	}
}
