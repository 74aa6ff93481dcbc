// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"syscall"
	"time"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/inert"
)

// outputBuffer is how many bytes are written at once while events keep coming.
const outputBuffer = 64 << 10

// watcher prints events. Everything happens on the goroutine that calls follow or replay.
type watcher struct {
	out *bufio.Writer
	watchFiles
	messages    io.Writer // about the connection and files, and the summary
	event       *format.Event
	filterFlags *format.FilterFlags // that filter is of
	filter      *format.Filter
	joiner      *format.Joiner
	limit       int    // things to print, of which a denial and its drop are one; 0: no limit
	stop        func() // cancels the context that follow and replay have

	source syscall.Conn // of the events
	keptAt time.Time    // when the joiner kept something back

	formatter     *format.Formatter
	briefReported bool

	interfaces watchedInterfaces

	own     bool        // the agent is one of this process
	past    *past       // what is asked for of the agent's history
	names   *agentNames // that it has told
	rules   []string    // deny rules of the connection
	asked   bool        // for some events only
	skipped uint64      // events of the connection that were not asked for
	sentAt  time.Time   // when the agent got the event; zero if it did not say

	at        time.Time // of the event that is printed; zero: it has none
	began     time.Time // when there was an agent, or of the first event of a recording or an agent's history
	printed   int       // events
	hidden    int       // events that match, but are of a type that the level hides
	line      []byte
	summary   format.Summary
	connected bool      // at least once, or reading a stream
	lostAt    time.Time // when the connection was lost
	writeErr  error     // the first, of out or a file
}

// errReaderGone is the error of output that nobody wants to read any more.
var errReaderGone = errors.New("the output's reader is gone")

// replay prints the events of a stream until its end, or as follow does.
func (w *watcher) replay(ctx context.Context, s *stream) error {
	s.onIdle = w.idle
	w.source = s.file
	s.onNames = w.useRecordedNames
	w.event.SetInterfaces(s.interfaces())
	reportMissing(w.messages, w.filter, s.names.interfaces, "in the recording", " so far")
	w.connected = true
	return w.watch(ctx, s.payloads())
}

// useRecordedNames takes the names that a recording has from now on, maybe those of another agent.
func (w *watcher) useRecordedNames(interfaces *format.InterfaceNames, other bool) {
	w.event.SetInterfaces(interfaces)
	if other {
		w.event.ForgetDenyRules()
	}
	w.filter = w.filterFlags.Renamed()
}

func (w *watcher) watch(ctx context.Context, payloads iter.Seq2[*payload.Payload, error]) error {
	var ended error
	for pl, err := range payloads {
		if err != nil {
			ended = err
			break
		}
		if !w.add(pl) {
			w.stop() // the outputs get no more time than at any other end
			break
		}
	}
	w.flush()
	w.closeFiles()
	switch {
	case w.writeErr == errReaderGone:
		return nil
	case w.writeErr != nil:
		return w.writeErr
	case ctx.Err() != nil, ended == io.EOF:
		return nil
	default:
		return ended
	}
}

// add records and prints the event as far as that is wanted, and returns whether the watch
// goes on.
func (w *watcher) add(pl *payload.Payload) bool {
	if w.at = w.sentAt; w.at.IsZero() {
		w.at = w.time()
	}
	w.event.Decode(pl)
	if w.recording != nil {
		if err := w.recording.record(w.at, pl, w.event); err != nil {
			return w.fail(err)
		}
	}
	if w.event.TellsDenyRules() {
		return true
	}
	w.reportNotice(pl)
	if w.began.IsZero() || w.at.Before(w.began) && !w.at.IsZero() {
		w.began = w.at
	}
	if !w.filter.Match(w.event) {
		if w.event.Lost() == 0 {
			w.summary.CountUnmatched()
		}
		return true
	}
	if !w.settle() {
		return false
	}
	w.summary.Count(w.event)
	if w.packets != nil {
		if err := w.packets.write(w.event, w.at); err != nil {
			return w.fail(err)
		}
	}
	return w.print()
}

// settle prints what was kept back of the events before, unless the event goes with it, and returns whether the watch
// goes on.
func (w *watcher) settle() bool {
	w.line = w.joiner.Settle(w.line[:0], w.event)
	return w.write(true)
}

// print prints the event and returns whether the watch goes on.
func (w *watcher) print() bool {
	var kept bool
	w.line, kept = w.joiner.Append(w.line[:0], w.event)
	switch {
	case kept:
		w.keptAt = time.Now()
	case len(w.line) == 0:
		w.hidden++
	}
	return w.write(w.event.Lost() == 0)
}

// write writes the line, if there is one, which may count as an event that was printed, and returns whether the
// watch goes on.
func (w *watcher) write(counts bool) bool {
	if len(w.line) == 0 {
		return true
	}
	if _, err := w.out.Write(w.line); err != nil {
		return w.fail(err)
	}
	if counts {
		w.printed++
	}
	return !w.full()
}

// full tells whether as much is printed as was asked for.
func (w *watcher) full() bool { return w.limit > 0 && w.printed >= w.limit }

// idle writes what is printed and recorded before the watch waits for more. The drop that belongs to a verdict is waited
// for a moment.
func (w *watcher) idle() {
	w.flushOutputs()
	if !w.joiner.Holds() {
		return
	}
	if left := format.JoinTimeout - time.Since(w.keptAt); left <= 0 || !readable(w.source, left) {
		w.flush()
	}
}

// flush prints what was kept back, and writes what is printed and recorded.
func (w *watcher) flush() {
	w.line = w.joiner.Flush(w.line[:0])
	if !w.write(true) {
		w.stop()
	}
	w.flushOutputs()
}

func (w *watcher) flushOutputs() {
	for _, f := range w.written() {
		if err := f.flush(); err != nil {
			w.fail(err)
		}
	}
	if err := w.out.Flush(); err != nil {
		w.fail(err)
	}
	w.reportBrief()
}

// reportBrief tells once that lines were shortened.
func (w *watcher) reportBrief() {
	if !w.briefReported && w.formatter.IsBrief() {
		w.briefReported = true
		fmt.Fprintln(w.messages, "Details that do not fit into a row are left out: -v or a wider terminal has them")
	}
}

// fail ends the watch because something can't be written. It returns false.
func (w *watcher) fail(err error) bool {
	if errors.Is(err, syscall.EPIPE) {
		err = errReaderGone
	}
	if w.writeErr == nil || w.writeErr == errReaderGone {
		w.writeErr = err
	}
	w.stop()
	return false
}

// closeFiles closes the files and, unless something went wrong, tells what is in them.
func (w *watcher) closeFiles() {
	w.endPolling()
	for _, f := range w.written() {
		if err := f.Close(); err != nil {
			w.fail(err)
		}
	}
	if !w.connected || w.writeErr != nil && w.writeErr != errReaderGone {
		return
	}
	newline := "\n" // behind the terminal's ^C
	for _, f := range w.written() {
		if f.isStdout() {
			continue // its reader sees what came
		}
		fmt.Fprint(w.messages, newline, f.summary(), "\n")
		newline = ""
	}
}

func (w *watcher) reportConnected(path string) {
	if w.recording != nil {
		if err := w.recording.connected(); err != nil {
			w.fail(err)
		}
	}
	if w.connected {
		fmt.Fprintf(w.messages, "Connected again after %s, events in between are missing\n", time.Since(w.lostAt).Round(time.Millisecond))
	} else {
		w.connected, w.began = true, time.Now()
		if w.own {
			fmt.Fprintln(w.messages, "Watching what the kernel drops, Ctrl-C stops")
		} else {
			fmt.Fprintf(w.messages, "Connected to the agent at %s, Ctrl-C stops\n", path)
		}
	}
	where := "of the agent"
	if w.own {
		where = "here"
	}
	w.interfaces.report(w.messages, w.filter, where)
}

func (w *watcher) reportDisconnected(err error) {
	w.flush()
	w.lostAt = time.Now()
	if errors.Is(err, client.ErrRefused) {
		fmt.Fprintln(w.messages, "The agent refuses this client: it has as many as it takes (its --monitor-max-clients), or is stopping. Trying again")
		return
	}
	reason := err.Error()
	if errors.Is(err, io.EOF) {
		reason = "it closed the connection"
	}
	fmt.Fprintf(w.messages, "Lost the agent: %s. Waiting for it\n", reason)
}

// reportNotice tells what the monitor itself has to say, whatever the filter and the output are.
func (w *watcher) reportNotice(pl *payload.Payload) {
	if pl.Type != payload.EventSample || len(pl.Data) == 0 || pl.Data[0] != api.MessageTypeAgent {
		return
	}
	var notification api.AgentNotify
	if notification.Decode(pl.Data) != nil {
		return
	}
	if text, ok := notification.MonitorNotice(); ok {
		fmt.Fprintf(w.messages, "The agent says: %s\n", inert.String(text))
	}
}

// explainConnection says in an error of the connection what can be done.
func explainConnection(err error) error {
	switch {
	case errors.Is(err, client.ErrNotRunning):
		return noAgentError(fmt.Errorf("%w (another socket: --%s)", err, flagSocket))
	case errors.Is(err, fs.ErrPermission):
		return noAgentError(fmt.Errorf("%w (try sudo, or join the group %s)", err, agent.SocketGroup))
	case errors.Is(err, payload.ErrNotASession):
		return fmt.Errorf("this is not the socket of a monitor agent: %w", err)
	default:
		return err
	}
}
