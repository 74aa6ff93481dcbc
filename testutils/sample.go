// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/cilium/monitor/api"
)

// newSample returns an event of the datapath, of a type that has this name. Each field is
// "NAME=VALUE": the name of one in the type's struct of package api, and its value in JSON.
// Types with a packet have that of trace events.
func newSample(typeName string, fields []string) ([]byte, error) {
	typ, err := api.ParseMessageType(typeName)
	if err != nil {
		return nil, err
	}
	var message interface{ Append(dst []byte) []byte }
	packet := tracePacket[:]
	switch typ {
	case api.MessageTypeDrop:
		message = &api.DropNotify{Type: uint8(typ), OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 3}
	case api.MessageTypeDebug:
		message, packet = &api.DebugMsg{Type: uint8(typ)}, nil
	case api.MessageTypeCapture:
		message = &api.DebugCapture{Type: uint8(typ), OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 1}
	case api.MessageTypeTrace:
		message = &api.TraceNotify{Type: uint8(typ), OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 2}
	case api.MessageTypePolicyVerdict:
		message = &api.PolicyVerdictNotify{Type: uint8(typ), OrigLen: TracePacketLen, CapLen: TracePacketLen, Version: 1}
	case api.MessageTypeTraceSock:
		message, packet = &api.TraceSockNotify{Type: uint8(typ)}, nil
	default:
		return nil, fmt.Errorf("events of type %s are sent by cells, see monitor/send", typeName)
	}
	for _, field := range fields {
		name, value, found := strings.Cut(field, "=")
		if !found {
			return nil, fmt.Errorf("%q is not FIELD=VALUE", field)
		}
		to := reflect.ValueOf(message).Elem().FieldByName(name)
		if !to.IsValid() {
			return nil, fmt.Errorf("%s events have no field %q", typeName, name)
		}
		if err := json.Unmarshal([]byte(value), to.Addr().Interface()); err != nil {
			return nil, fmt.Errorf("field %s of %s events: %w", name, typeName, err)
		}
	}
	return append(message.Append(nil), packet...), nil
}
