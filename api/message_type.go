// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"iter"
	"math"
	"regexp"
	"slices"
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

	// MessageTypeKernelDrop is a packet that the kernel dropped, see [KernelDropNotify]. It is this module's, not Cilium's.
	MessageTypeKernelDrop = 100

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

// reservedTypes is the highest number of Cilium's datapath's types that are built in.
const reservedTypes = MessageTypeTraceSock

var messageTypes = newNameTable("message type", true, []string{
	MessageTypeDrop:          "drop",
	MessageTypeDebug:         "debug",
	MessageTypeCapture:       "capture",
	MessageTypeTrace:         "trace",
	MessageTypePolicyVerdict: "policy-verdict",
	MessageTypeTraceSock:     "trace-sock",
	MessageTypeKernelDrop:    "kernel-drop",
	MessageTypeAccessLog:     "l7",
	MessageTypeAgent:         "agent",
})

// A name is an argument of --type, a label of a metric and a word of scripts. The members
// "type" of JSON have two of their own.
var (
	typeName      = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	jsonTypeNames = []string{"lost", "error"}
)

// RegisterMessageType gives a message type of somebody's own datapath or agent a name, for all
// of the process, until unregister is called: 8 to 128 for what a datapath writes, 131 to 255
// for what a process sends with SendEvent. Cilium counts up, so take a high one, and not 100. To have its events printed and filtered, too, use
// RegisterType of package format instead, which calls it.
//
// A name is of lower case letters, digits and "-", and begins with a letter. The names
// "lost" and "error" are taken by JSON.
//
// The types of Cilium (1 to 7, 129 and 130) and 100 cannot be registered: clients and consumers
// decode them as what they are.
//
// The same registration may be made several times, by several hives in a process: it ends
// with the last of them. Calls of unregister after the first do nothing. Safe for concurrent use;
// readers of the names are never held up.
//
// Possible errors: [ErrRegistered] if the number or the name is taken, and errors about a
// number or a name that is not allowed.
func RegisterMessageType(typ int, name string) (unregister func(), err error) {
	switch {
	case typ <= MessageTypeUnspec || typ > math.MaxUint8:
		return nil, fmt.Errorf("register message type %d as %q: it is not in %d-%d", typ, name, reservedTypes+1, math.MaxUint8)
	case typ <= reservedTypes || typ == MessageTypeAccessLog || typ == MessageTypeAgent:
		return nil, fmt.Errorf("register message type %d as %q: %w by Cilium", typ, name, ErrRegistered)
	case typ == MessageTypeKernelDrop:
		return nil, fmt.Errorf("register message type %d as %q: %w for packets that the kernel dropped", typ, name, ErrRegistered)
	case !typeName.MatchString(name) || slices.Contains(jsonTypeNames, name):
		return nil, fmt.Errorf("register message type %d: %q is no name: use lower case letters, digits and \"-\", and not %s",
			typ, name, strings.Join(jsonTypeNames, " or "))
	}
	return messageTypes.register(uint8(typ), name)
}

// MessageTypeName returns the name of a message type, as in "--type drop", and
// "unknown(N)" for a type that has none. See [RegisterMessageType] for those of your own.
func MessageTypeName(typ int) string {
	if typ < 0 || typ > math.MaxUint8 {
		return unknown(typ)
	}
	return nameOf(messageTypes.all()[:], uint8(typ))
}

// MessageTypeNames returns the names of all message types, sorted. The slice is
// the caller's.
func MessageTypeNames() []string {
	var names []string
	for _, name := range MessageTypes() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// MessageTypes yields each message type that has a name, by ascending number.
func MessageTypes() iter.Seq2[uint8, string] { return messageTypes.each }

// ParseMessageType returns the message type of a name. The error for any other
// name is [ErrUnknownType] and lists the valid ones.
func ParseMessageType(name string) (int, error) {
	if typ := slices.Index(messageTypes.all()[:], name); typ > 0 { // 0 has no name
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
	if messageTypes.all()[typ] == "" {
		return typ, &DecodeError{Type: typ, Got: len(sample), Err: ErrUnknownType}
	}
	return typ, nil
}
