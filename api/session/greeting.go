// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"

	"github.com/cilium/monitor/api/recording"
)

// Greeting is how an agent answers a request that it takes. All that matches and happens from then on comes,
// or is told as a [Loss].
type Greeting struct {
	// Version is that of the agent. Both sides do what the lower one can.
	Version string `json:"version"`

	// Agent is the program and its version, for people.
	Agent string `json:"agent,omitempty"`

	// ByteOrder is that of the samples in events: recording.LittleEndian or BigEndian.
	ByteOrder string `json:"byteOrder"`

	// Time is that of the agent's machine, in nanoseconds since 1970.
	Time int64 `json:"time"`

	// Applies says what the agent applies of the request.
	Applies Applies `json:"applies"`

	// History is what the agent keeps for requests with From; nil if it keeps nothing.
	History *History `json:"history,omitempty"`

	// Dictionary has all names, the node's among them.
	Dictionary Dictionary `json:"dictionary"`
}

// Applies says which parts of a request an agent applies exactly. Where one that was given is false, also events come
// that are not wanted, and the client leaves them out. Losses come in any case.
type Applies struct {
	Types       bool `json:"types,omitempty"`
	DropReasons bool `json:"dropReasons,omitempty"`
	Packets     bool `json:"packets,omitempty"`
	From        bool `json:"from,omitempty"`
	Until       bool `json:"until,omitempty"` // so is HistoryOnly
}

// History is what an agent keeps of what happened before.
type History struct {
	// Types are the message types that are kept; nil: all.
	Types []int `json:"types,omitzero"`

	// Oldest is the time of the oldest event, in nanoseconds since 1970; 0 if there is none.
	Oldest int64 `json:"oldest,omitempty"`
}

// AppendGreeting appends the frame of a greeting.
//
// The error is about one that is larger than [MaxDictionarySize], which then is not appended.
func AppendGreeting(dst []byte, g *Greeting) ([]byte, error) {
	dst, err := appendJSON(dst, KindGreeting, MaxDictionarySize, g)
	if err != nil {
		return dst, fmt.Errorf("encode the greeting: %w", err)
	}
	return dst, nil
}

// DecodeGreeting decodes the body of a greeting. The error, also of a version that this package does not
// understand, wraps [ErrCorrupt].
func DecodeGreeting(body []byte) (*Greeting, error) {
	g := &Greeting{}
	if err := decodeJSON("a greeting", body, MaxDictionarySize, g); err != nil {
		return nil, err
	}
	if refusal := checkVersion(g.Version); refusal != nil {
		return nil, fmt.Errorf("%w: a greeting: it has the version %s, this program speaks %s", ErrCorrupt, quote(g.Version), Version)
	}
	if g.ByteOrder != recording.LittleEndian && g.ByteOrder != recording.BigEndian {
		return nil, fmt.Errorf("%w: a greeting: there is no byte order %s", ErrCorrupt, quote(g.ByteOrder))
	}
	var dictionary Dictionary
	if err := dictionary.Update(&g.Dictionary); err != nil {
		return nil, err
	}
	g.Dictionary = dictionary
	return g, nil
}

// ReadGreeting reads the first frame of an agent that is of a kind that this package knows.
//
// The error wraps the [Refusal] that it is instead, or [ErrNotASession] if it is anything else, or is as that of
// [Reader.Next].
func (r *Reader) ReadGreeting() (*Greeting, error) {
	for {
		kind, body, err := r.Next()
		if err != nil {
			return nil, notASession(err)
		}
		switch kind {
		case KindGreeting:
			g, err := DecodeGreeting(body)
			return g, notASession(err)
		case KindRefusal:
			refusal, err := DecodeRefusal(body)
			if err != nil {
				return nil, notASession(err)
			}
			return nil, refusal
		case KindRequest, KindDictionary, KindEvent, KindLoss, KindLive, KindEnd, KindSkipped:
			return nil, fmt.Errorf("%w: it begins with a frame of kind %d", ErrNotASession, kind)
		}
	}
}

// notASession makes what is corrupt no session at all.
func notASession(err error) error {
	if errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrNotASession, err)
	}
	return err
}
