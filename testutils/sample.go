// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/monitor/api"
)

// message is an event of the datapath, as a struct of package api.
type message interface{ Append(dst []byte) []byte }

// messages has an event of each type that is built in, and whether a packet, that of trace
// events, follows it.
var messages = map[int]struct {
	new    func() message
	packet bool
}{
	api.MessageTypeDrop: {func() message {
		return &api.DropNotify{Type: api.MessageTypeDrop, OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 3}
	}, true},
	api.MessageTypeDebug: {func() message { return &api.DebugMsg{Type: api.MessageTypeDebug} }, false},
	api.MessageTypeCapture: {func() message {
		return &api.DebugCapture{Type: api.MessageTypeCapture, OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 1}
	}, true},
	api.MessageTypeTrace: {func() message {
		return &api.TraceNotify{Type: api.MessageTypeTrace, OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 2}
	}, true},
	api.MessageTypePolicyVerdict: {func() message {
		return &api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 1}
	}, true},
	api.MessageTypeKernelDrop: {func() message {
		return &api.KernelDropNotify{Type: api.MessageTypeKernelDrop, OrigLen: TracePacketLen, CapLen: TracePacketLen}
	}, true},
	api.MessageTypeTraceSock: {func() message { return &api.TraceSockNotify{Type: api.MessageTypeTraceSock} }, false},
}

// builtinTypes returns the names of the types in messages, for the help.
func builtinTypes() string {
	var names []string
	for typ := range messages {
		names = append(names, api.MessageTypeName(typ))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// newSample returns an event of the datapath, of a type that has this name. Each field is
// "NAME=VALUE": the name of one in the type's struct of package api, and its value in JSON, or,
// for the SubType of a drop, the text of a drop reason. A registered type has one field, its
// bytes behind the message type in hex.
func newSample(typeName string, fields []string) ([]byte, error) {
	typ, err := api.ParseMessageType(typeName)
	if err != nil {
		return nil, err
	}
	m, ok := messages[typ]
	switch {
	case typ >= api.MessageTypeAccessLog:
		return nil, fmt.Errorf("events of type %s are sent by cells, see monitor/send", typeName)
	case !ok:
		return registeredSample(uint8(typ), fields)
	}
	msg := m.new()
	for _, field := range fields {
		name, value, found := strings.Cut(field, "=")
		if !found {
			return nil, fmt.Errorf("%q is not FIELD=VALUE", field)
		}
		to := reflect.ValueOf(msg).Elem().FieldByName(name)
		if !to.IsValid() {
			return nil, fmt.Errorf("%s events have no field %q", typeName, name)
		}
		if err := setField(typ, name, value, to); err != nil {
			return nil, fmt.Errorf("field %s of %s events: %w", name, typeName, err)
		}
	}
	sample := msg.Append(nil)
	if m.packet {
		sample = append(sample, tracePacket[:]...)
	}
	return sample, nil
}

func setField(typ int, name, value string, to reflect.Value) error {
	err := json.Unmarshal([]byte(value), to.Addr().Interface())
	if _, notNumber := strconv.Atoi(value); err == nil || notNumber == nil || typ != api.MessageTypeDrop || name != "SubType" {
		return err
	}
	codes, err := api.ParseDropReason(value)
	if err == nil {
		to.SetUint(uint64(codes[0]))
	}
	return err
}

func registeredSample(typ uint8, fields []string) ([]byte, error) {
	sample := []byte{typ}
	if len(fields) == 0 {
		return sample, nil
	}
	sample, err := hex.AppendDecode(sample, []byte(strings.Join(fields, "")))
	if err != nil {
		return nil, fmt.Errorf("%s events take their bytes behind the message type in hex: %w", api.MessageTypeName(int(typ)), err)
	}
	return sample, nil
}
