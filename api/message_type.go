// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Message types: the first byte of every sample. 6 was the recorder's and is unused.
const (
	MessageTypeUnspec        = 0
	MessageTypeDrop          = 1
	MessageTypeDebug         = 2
	MessageTypeCapture       = 3
	MessageTypeTrace         = 4
	MessageTypePolicyVerdict = 5
	MessageTypeTraceSock     = 7

	// MessageTypeAccessLog is an access log record, see package accesslog.
	MessageTypeAccessLog = 129

	// MessageTypeAgent is an agent notification, see [AgentNotify].
	MessageTypeAgent = 130
)

// MaxUserEventSize is the size in bytes of the largest sample of an event of user space
// (MessageTypeAccessLog, MessageTypeAgent), the byte of its message type included. It bounds
// the memory that decoding a hostile sample can take: decoders refuse larger ones, so
// agents do not send them.
const MaxUserEventSize = 1 << 20

var messageTypeNames = [...]string{
	MessageTypeDrop:          "drop",
	MessageTypeDebug:         "debug",
	MessageTypeCapture:       "capture",
	MessageTypeTrace:         "trace",
	MessageTypePolicyVerdict: "policy-verdict",
	MessageTypeTraceSock:     "trace-sock",
	MessageTypeAccessLog:     "l7",
	MessageTypeAgent:         "agent",
}

// MessageTypeName returns the name of a message type, as in "--type drop", and
// "unknown(N)" for a type that has none.
func MessageTypeName(typ int) string {
	if typ < 0 || typ > math.MaxUint8 {
		return unknown(typ)
	}
	return nameOf(messageTypeNames[:], uint8(typ))
}

// MessageTypeNames returns the names of all message types, sorted. The slice is
// the caller's.
func MessageTypeNames() []string {
	var names []string
	for _, name := range messageTypeNames {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ParseMessageType returns the message type of a name. The error for any other
// name is [ErrUnknownType] and lists the valid ones.
func ParseMessageType(name string) (int, error) {
	if typ := slices.Index(messageTypeNames[:], name); typ >= 0 && name != "" {
		return typ, nil
	}
	return 0, fmt.Errorf("%w %q: valid types are %s", ErrUnknownType, name, strings.Join(MessageTypeNames(), ", "))
}

// MessageType returns the message type of a sample. The error is [ErrTruncated]
// for an empty sample and [ErrUnknownType] for a type that has no name; the
// number is returned then, too.
func MessageType(sample []byte) (int, error) {
	if len(sample) == 0 {
		return MessageTypeUnspec, &DecodeError{Want: 1, Err: ErrTruncated}
	}
	typ := int(sample[0])
	if typ >= len(messageTypeNames) || messageTypeNames[typ] == "" {
		return typ, &DecodeError{Type: typ, Got: len(sample), Err: ErrUnknownType}
	}
	return typ, nil
}

// nameOf returns names[n], or "unknown(N)" where that has no name.
func nameOf(names []string, n uint8) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return unknown(int(n))
}

func unknown(n int) string {
	return "unknown(" + strconv.Itoa(n) + ")"
}
