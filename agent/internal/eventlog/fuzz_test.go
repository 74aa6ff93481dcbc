// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cilium/monitor/api/payload"
)

// What FuzzCursors does. Each is one byte of the script, modulo the number of them, and bytes that say
// how much of it and which reader.
const (
	opSample  = iota // length, how often it is doubled, CPU
	opLoss           // events, how often they are doubled, CPU
	opCommit         //
	opRetain         //
	opReader         // whether it has an opening
	opNext           // which one
	opWrote          // which one, length, how often it is doubled
	opWhole          // which one: it takes all there is
	opClose          // which one
	opSamples        // how many, of a few bytes, each committed
	operations
)

// FuzzCursors appends events to a log and reads them with cursors that are given room for any number
// of bytes, in any order, also between Next and Wrote. A model has what must come of it: all that was
// committed is delivered or told as lost, in order, byte by byte, within both bounds of the log.
func FuzzCursors(f *testing.F) {
	for bound := range byte(4) {
		f.Add(byte(1), bound, []byte{opReader, 1, opSample, 9, 0, 3, opCommit, opNext, 0, opSamples, 9, opWrote, 0, 70, 0, opWhole, 0})
		f.Add(byte(40), bound, []byte{
			opReader, 0, opReader, 1, opLoss, 7, 3, 1, opSample, 200, 5, 0, opRetain, opCommit, opNext, 0, opNext, 1, opWrote, 0, 3, 2,
			opSamples, 200, opWrote, 1, 9, 9, opWhole, 0, opClose, 1, opSamples, 60,
		})
	}
	f.Add(byte(9), byte(0), slices.Concat( // byte by byte
		[]byte{opReader, 1, opSample, 20, 0, 0, opLoss, 3, 0, 0, opCommit}, bytes.Repeat([]byte{opNext, 0, opWrote, 0, 1, 0}, 80),
		[]byte{opSamples, 60}, bytes.Repeat([]byte{opNext, 0, opWrote, 0, 1, 0}, 30),
	))
	f.Add(byte(9), byte(0), bytes.Repeat([]byte{ // until there is no room for the other ends
		opReader, 0, opSample, 255, 5, 0, opCommit, opNext, 255, opWrote, 255, 1, 0,
	}, 20))
	f.Fuzz(func(t *testing.T, size, bound byte, script []byte) {
		m := newModel(t, 1+int(size), []int{64 << 10, 128 << 10, 1 << 20, plenty}[bound%4])
		s := steps{m: m, script: script}
		for range 500 {
			if len(s.script) == 0 {
				break
			}
			s.step()
			m.check()
		}
		m.end()
	})
}

// steps does to a model what a script says.
type steps struct {
	m      *model
	script []byte
}

func (s *steps) step() {
	m := s.m
	switch s.next() % operations {
	case opSample:
		n := s.number(8) % (m.bytes / 8)
		m.append(&payload.Payload{Data: s.data(n), CPU: s.next(), Type: payload.EventSample})
	case opLoss:
		m.append(&payload.Payload{Lost: 1 + uint64(s.number(40)), CPU: s.next(), Type: payload.RecordLost})
	case opCommit:
		m.commit()
	case opRetain:
		m.retain()
	case opReader:
		if len(m.readers) < 24 {
			m.newReader([][]byte{nil, payload.AppendTypeInfo(nil)}[s.next()%2])
		}
	case opNext:
		if r := s.reader(); r != nil && !r.writing() {
			r.next()
		}
	case opWrote:
		if r := s.reader(); r != nil && r.writing() {
			r.wrote(min(s.number(16), len(r.run)))
		}
	case opWhole:
		if r := s.reader(); r != nil && !r.writing() {
			r.next()
			r.wrote(len(r.run))
		}
	case opClose:
		if r := s.reader(); r != nil && !r.writing() {
			r.close()
		}
	case opSamples:
		for range s.next() % 64 {
			m.append(&payload.Payload{Data: s.data(9), Type: payload.EventSample})
			m.commit()
		}
	}
}

// next returns the next byte of the script, 0 at its end.
func (s *steps) next() int {
	if len(s.script) == 0 {
		return 0
	}
	b := s.script[0]
	s.script = s.script[1:]
	return int(b)
}

// number returns a number: a byte, doubled less than doublings times.
func (s *steps) number(doublings int) int { return s.next() << (s.next() % doublings) }

// reader returns one of the readers, the newest for 255, nil if there is none.
func (s *steps) reader() *reader {
	n := s.next()
	if len(s.m.readers) == 0 {
		return nil
	}
	if n == 255 {
		return s.m.readers[len(s.m.readers)-1]
	}
	return s.m.readers[n%len(s.m.readers)]
}

// data returns n bytes that differ from those of the events before.
func (s *steps) data(n int) []byte { return bytes.Repeat([]byte{byte(len(s.m.frames))}, n) }
