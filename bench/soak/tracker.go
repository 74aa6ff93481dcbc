// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/testutils"
)

// Tally is what became of the events of one subscriber.
type Tally struct {
	Traces, Samples uint64 // of the generator
	Device          uint64 // of the embedded datapath
	User            uint64 // of the senders
	Notices         uint64 // of the agent itself, about its sources
	Strange         uint64 // of nobody

	LostInRing  uint64 // told lost with a CPU
	LostInQueue uint64 // told lost by the agent or by a queue

	Missing  uint64 // numbers that were passed over
	Restarts uint64 // how often the numbers of a CPU began anew
	Disorder uint64 // numbers of a sender that came late or twice
}

// Delivered is the number of events, with the losses that all were told.
func (t Tally) Delivered() uint64 {
	return t.Traces + t.Samples + t.Device + t.User + t.Notices + t.Strange + t.LostInRing
}

// Total is the number of events that the subscriber knows of.
func (t Tally) Total() uint64 { return t.Delivered() + t.LostInQueue }

// Untold is how many events are missing that nobody told of.
func (t Tally) Untold() uint64 {
	return t.Missing - min(t.Missing, t.LostInRing+t.LostInQueue)
}

// tracker counts the events of one subscriber, and follows their numbers: those of the
// generator on each CPU, and those of each sender. It is for one goroutine.
type tracker struct {
	Tally
	born    int64 // when the first event came, in nanoseconds of CLOCK_MONOTONIC
	cpus    []sequence
	senders [senders]sequence
}

// sequence is where the numbers of a source of events are.
type sequence struct {
	begun bool
	next  uint64
}

func newTracker() *tracker { return &tracker{cpus: make([]sequence, maxCPUs)} }

// maxCPUs is more than a machine has whose CPUs take part.
var maxCPUs = max(64, runtime.NumCPU())

// payload takes what clients and streams get.
func (t *tracker) payload(pl *payload.Payload) {
	t.begin()
	if pl.Type == payload.RecordLost {
		t.lost(pl.Lost, pl.CPU)
		return
	}
	t.sample(pl.Data, pl.CPU)
}

// begin is called for each event. What comes first may have been emitted long before, when others
// were told of losses: numbers count from the first event that was emitted after that.
func (t *tracker) begin() {
	if t.born == 0 {
		t.born = now()
	}
}

func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("reading CLOCK_MONOTONIC: %v", err))
	}
	return ts.Nano()
}

func (t *tracker) lost(n uint64, cpu int) {
	if cpu < 0 {
		t.LostInQueue += n
	} else {
		t.LostInRing += n
	}
}

// sampleMark is what the generator's samples begin with.
var sampleMark = append([]byte{api.MessageTypeDebug}, "soak"...)

// generatorAddress is the IPv4 source address of the generator's traces, behind Ethernet.
const generatorAddress = testutils.TraceHeaderLen + 14 + 12

func (t *tracker) sample(data []byte, cpu int) {
	switch {
	case len(data) == 0 || cpu < 0 || cpu >= maxCPUs:
		t.Strange++
	case data[0] >= api.MessageTypeAccessLog:
		t.userEvent(data)
	case bytes.HasPrefix(data, sampleMark):
		t.Samples++
	case data[0] == api.MessageTypeTrace && len(data) >= testutils.TraceLen &&
		binary.BigEndian.Uint32(data[generatorAddress:]) == 10<<24|1:
		t.Traces++
		t.trace(&t.cpus[cpu], binary.NativeEndian.Uint64(data[testutils.TraceSequenceOffset:]),
			binary.NativeEndian.Uint64(data[testutils.TraceTimestampOffset:]))
	default:
		t.Device++
	}
}

func (t *tracker) trace(s *sequence, number, emitted uint64) {
	switch {
	case !s.begun && emitted < uint64(t.born):
		return
	case !s.begun:
		s.begun = true
	case number < s.next:
		t.Restarts++
	default:
		t.Missing += number - s.next
	}
	s.next = number + 1
}

// mark is the begin of what a sender writes into each of its events: its number, and the event's.
const mark = "soak-sender/"

func marked(sender int, number uint64) string {
	return fmt.Sprintf("%s%02d/%012d/", mark, sender, number)
}

// userEvent takes an event of SendEvent, encoded or as text.
func (t *tracker) userEvent(data []byte) {
	at := bytes.Index(data, []byte(mark))
	if at < 0 {
		var notify api.AgentNotify
		if data[0] == api.MessageTypeAgent && notify.Decode(data) == nil {
			if _, ok := notify.MonitorNotice(); ok {
				t.Notices++
				return
			}
		}
		t.Strange++
		return
	}
	rest := data[at+len(mark):]
	if len(rest) < 15 {
		t.Strange++
		return
	}
	sender, err1 := strconv.Atoi(string(rest[:2]))
	number, err2 := strconv.ParseUint(string(rest[3:15]), 10, 64)
	if err1 != nil || err2 != nil || sender >= senders {
		t.Strange++
		return
	}
	t.User++
	s := &t.senders[sender]
	if s.begun && number < s.next {
		t.Disorder++
		return
	}
	if s.begun {
		t.Missing += number - s.next
	}
	s.begun, s.next = true, number+1
}
