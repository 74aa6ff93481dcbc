// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/cilium/monitor/api"
)

// Type is a message type of somebody's own datapath or agent. Its functions are called from
// any number of goroutines at once. One that panics costs its event, which is printed and
// counted as one that cannot be decoded, and nothing else.
type Type struct {
	// Number is the first byte of its samples, and Name what --type calls it.
	// [api.RegisterMessageType] says what they may be.
	Number int
	Name   string

	// Level is the lowest that prints it: LevelDebug hides it without -v.
	Level Level

	// Decode checks a sample, and sets the fields of it that the package has to know. An
	// error says what is wrong with the sample; it is printed in place of the event.
	Decode func(s *Sample) error

	// Line writes the line of a decoded sample. The package appends who talks to whom if
	// there is a packet, and on LevelVerbose the packet.
	Line func(l *Line, s *Sample)

	// JSON writes the members of its JSON object. The package writes "cpu" and "type"
	// before them, and "summary" behind them if there is a packet.
	JSON func(o *Object, s *Sample)

	// Kind returns what a summary counts the sample as within the type. A summary keeps each
	// kind that it ever saw, so there should be few. nil: it counts the type alone.
	Kind func(s *Sample) string
}

// Sample is an event of a registered type.
type Sample struct {
	// Data is all of the sample; the first byte is the message type. Samples of a datapath may
	// have up to 7 bytes of padding at the end. Data is shared and must not be changed,
	// and neither Data nor the Sample may be used after the call.
	Data []byte

	// CPU is where the datapath wrote it.
	CPU int

	// What Decode sets, where the type has it: the captured packet, which is a part of Data
	// (see SetPacket), the length of all of it in bytes, whether it begins with the IP header
	// and not with Ethernet, and the index of the network interface. They make filters for
	// addresses, ports, protocols and interfaces apply.
	Packet   []byte
	OrigLen  uint32
	L3Device bool
	Ifindex  uint32

	typ int
}

// RequireLen returns an error unless Data has at least n bytes.
func (s *Sample) RequireLen(n int) error {
	if len(s.Data) < n {
		return s.truncated(n)
	}
	return nil
}

func (s *Sample) truncated(want int) error {
	return &api.DecodeError{Type: s.typ, Want: want, Got: len(s.Data), Err: api.ErrTruncated}
}

// SetPacket sets Packet to the capLen bytes of Data at offset, and OrigLen. It returns an error,
// and sets nothing, if Data ends before that.
func (s *Sample) SetPacket(offset, capLen int, origLen uint32) error {
	if offset < 0 || capLen < 0 {
		return fmt.Errorf("packet of %d bytes at offset %d: %w", capLen, offset, api.ErrMalformed)
	}
	if offset > len(s.Data) || capLen > len(s.Data)-offset { // no sum, which can overflow
		return s.truncated(offset + min(capLen, math.MaxInt-offset))
	}
	s.Packet, s.OrigLen = s.Data[offset:offset+capLen:offset+capLen], origLen
	return nil
}

// registry has who registered which type. It is for changes of descriptors alone.
var registry struct {
	mu   sync.Mutex // guards what follows
	uses [256]struct {
		typ *Type
		n   int
	}
}

// RegisterType makes a message type known to all of the process until unregister is called:
// [Event], [Formatter], [Filter] and [Summary] treat its samples as those of the types
// that are built in, and its name is known wherever types have names, such as in metrics. t
// must not be changed after the call. Register types before filters for them are parsed.
//
// The same t may be registered several times, by several hives in a process: it is known until
// each of these registrations has ended. Calls of unregister after the first do nothing.
// Safe for concurrent use; what decodes and prints is never held up.
//
// Possible errors: [api.ErrRegistered] if another Type has the number or the name, also one
// of those that are built in (1 to 7, 100, 129 and 130); and errors about a number or name that is not allowed, and
// about a function that is missing.
func RegisterType(t *Type) (unregister func(), err error) {
	if t == nil {
		return nil, errors.New("register message type: there is none")
	}
	if t.Decode == nil || t.Line == nil || t.JSON == nil {
		return nil, fmt.Errorf("register message type %d as %q: it has no Decode, Line or JSON function", t.Number, t.Name)
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	unname, err := api.RegisterMessageType(t.Number, t.Name)
	if err != nil {
		return nil, err
	}
	use := &registry.uses[t.Number]
	if use.n > 0 && use.typ != t {
		unname()
		return nil, fmt.Errorf("register message type %d as %q: %w by another Type", t.Number, t.Name, api.ErrRegistered)
	}
	use.typ = t
	if use.n++; use.n == 1 {
		describeLocked(t.Number, newDescriptor(t))
	}
	return sync.OnceFunc(func() {
		registry.mu.Lock()
		defer registry.mu.Unlock()
		unname()
		if use.n--; use.n == 0 {
			use.typ = nil
			describeLocked(t.Number, nil)
		}
	}), nil
}

func describeLocked(typ int, d *descriptor) {
	next := *descriptors.Load()
	next[typ] = d
	descriptors.Store(&next)
}

// Vocabulary is what somebody's own datapath says that Cilium's does not.
type Vocabulary struct {
	Types       []*Type
	DropReasons map[uint8]string // see [api.RegisterDropReason]
	SourceFiles map[uint8]string // see [api.RegisterSourceFile]
}

// Register registers all of v, or nothing if there is an error: those of [RegisterType],
// [api.RegisterDropReason] and [api.RegisterSourceFile], joined. In a hive monitor.VocabularyOut
// does that; a client in another process has to call it itself.
func (v Vocabulary) Register() (unregister func(), err error) {
	var (
		undo []func()
		errs []error
	)
	add := func(unregister func(), err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		undo = append(undo, unregister)
	}
	for _, t := range v.Types {
		add(RegisterType(t))
	}
	for code, text := range v.DropReasons {
		add(api.RegisterDropReason(code, text))
	}
	for id, name := range v.SourceFiles {
		add(api.RegisterSourceFile(id, name))
	}
	unregister = func() {
		for _, f := range undo {
			f()
		}
	}
	if len(errs) > 0 {
		unregister()
		return nil, errors.Join(errs...)
	}
	return unregister, nil
}
