// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"encoding/gob"
	"fmt"

	"github.com/cilium/monitor/api/internal/gobwire"
)

// The gob stream of an AgentNotify is two messages, each after its length: the definition
// of the struct's type, and a value. Encoders number types as they meet them in their
// process, so the number differs from one process to the next; ours is always 65.
const (
	// The definition of struct AgentNotify {Type uint; Text string}, around the number.
	agentNotifyDefHead = "\x03\x01\x01\x0bAgentNotify\x01"
	agentNotifyDefTail = "\x00\x01\x02\x01\x04Type\x01\x06\x00\x01\x04Text\x01\x0c\x00\x00\x00"

	// A definition begins with the negated number of its type, a value with the number.
	agentNotifyDefines = "\xff\x81" // -65
	agentNotifyTypeID  = "\xff\x82" // 65

	agentNotifyTypeDef = "\x2b" + agentNotifyDefines + agentNotifyDefHead + agentNotifyTypeID + agentNotifyDefTail
)

// AppendGob appends a gob stream of its own (type information and the value) to dst:
// bytes that encoding/gob decodes. It does not keep n.
func (n *AgentNotify) AppendGob(dst []byte) []byte { return appendAgentNotify(dst, n.Type, n.Text) }

// appendAgentNotify appends the gob stream of an AgentNotify.
func appendAgentNotify[T string | []byte](dst []byte, typ AgentNotification, text T) []byte {
	size := len(agentNotifyTypeID) + 1
	textDelta := byte(2) // fields are announced by the distance from the one before
	if typ != 0 {
		size += 1 + gobwire.UintSize(uint64(typ))
		textDelta = 1
	}
	if len(text) != 0 {
		size += 1 + gobwire.UintSize(uint64(len(text))) + len(text)
	}

	dst = append(dst, agentNotifyTypeDef...)
	dst = gobwire.AppendUint(dst, uint64(size))
	dst = append(dst, agentNotifyTypeID...)
	if typ != 0 {
		dst = append(dst, 1)
		dst = gobwire.AppendUint(dst, uint64(typ))
	}
	if len(text) != 0 {
		dst = append(dst, textDelta)
		dst = gobwire.AppendUint(dst, uint64(len(text)))
		dst = append(dst, text...)
	}
	return append(dst, 0)
}

// Append appends the sample of n to dst: the message type and the gob stream.
func (n *AgentNotify) Append(dst []byte) []byte {
	return n.AppendGob(append(dst, MessageTypeAgent))
}

// Decode sets n from a sample of up to [MaxUserEventSize] bytes, made by Append or by a byte of message type
// and an encoding/gob encoder. The text is a copy. After an error n is unchanged.
func (n *AgentNotify) Decode(sample []byte) error {
	if len(sample) == 0 {
		return &DecodeError{Type: MessageTypeAgent, Want: 1, Err: ErrTruncated}
	}
	if sample[0] != MessageTypeAgent {
		return &DecodeError{Type: int(sample[0]), Got: len(sample), Err: wrongType(MessageTypeAgent)}
	}
	if len(sample) > MaxUserEventSize {
		return &DecodeError{Type: MessageTypeAgent, Want: MaxUserEventSize, Got: len(sample), Err: ErrOversized}
	}
	if fast, ok := decodeAgentNotify(sample[1:]); ok {
		*n = fast
		return nil
	}
	var v AgentNotify
	if err := gob.NewDecoder(bytes.NewReader(sample[1:])).Decode(&v); err != nil {
		return &DecodeError{Type: MessageTypeAgent, Got: len(sample), Err: fmt.Errorf("%w: %w", ErrMalformed, err)}
	}
	*n = v
	return nil
}
