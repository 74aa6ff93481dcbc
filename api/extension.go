// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"math"
	"sync/atomic"
)

// extensions has 1 + the length of each registered extension; 0 means not registered.
// The structs have no place for a registry of their own, so there is one for the process.
var extensions [MessageTypePolicyVerdict + 1][math.MaxUint8 + 1]atomic.Uint32

// RegisterExtension tells the decoders that samples of messageType whose
// ext_version is extVersion have length extra bytes between their fields and their
// packet data. A downstream that extends the structs of the datapath calls it, usually
// from init; until then such samples are [ErrUnknownExtension].
//
// It is an error to register a type that cannot be extended (only drop, trace,
// policy-verdict and capture can), extVersion 0, which means no extension, a length
// outside 0 to 65535, or another length than the one already registered. A registration
// is for the whole process and for good. Safe for concurrent use.
func RegisterExtension(messageType int, extVersion uint8, length int) error {
	switch messageType {
	case MessageTypeDrop, MessageTypeTrace, MessageTypePolicyVerdict, MessageTypeCapture:
	default:
		return fmt.Errorf("register extension: %s samples have no extensions", MessageTypeName(messageType))
	}
	if extVersion == 0 {
		return fmt.Errorf("register extension of %s samples: version 0 means no extension", MessageTypeName(messageType))
	}
	if length < 0 || length > math.MaxUint16 {
		return fmt.Errorf("register extension %d of %s samples: length %d is not in 0-%d",
			extVersion, MessageTypeName(messageType), length, math.MaxUint16)
	}
	slot := &extensions[messageType][extVersion]
	if old := uint32(length) + 1; !slot.CompareAndSwap(0, old) && slot.Load() != old {
		return fmt.Errorf("register extension %d of %s samples with length %d: already registered with length %d",
			extVersion, MessageTypeName(messageType), length, slot.Load()-1)
	}
	return nil
}

// extensionLen returns the length of an extension and whether it is known.
func extensionLen(messageType int, extVersion uint8) (int, bool) {
	if extVersion == 0 {
		return 0, true
	}
	if messageType >= len(extensions) {
		return 0, false
	}
	n := extensions[messageType][extVersion].Load()
	return int(n) - 1, n != 0
}
