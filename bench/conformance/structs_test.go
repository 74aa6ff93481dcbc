// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/cilium/cilium/pkg/monitor"
	ciliumapi "github.com/cilium/cilium/pkg/monitor/api"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

// decoder is a struct of a sample.
type decoder interface{ Decode(sample []byte) error }

// decoders returns the structs of both sides for a message type.
func decoders(t testing.TB, typ int) (ours, cilium decoder) {
	t.Helper()
	switch typ {
	case api.MessageTypeDrop:
		return new(api.DropNotify), new(monitor.DropNotify)
	case api.MessageTypeDebug:
		return new(api.DebugMsg), new(monitor.DebugMsg)
	case api.MessageTypeCapture:
		return new(api.DebugCapture), new(monitor.DebugCapture)
	case api.MessageTypeTrace:
		return new(api.TraceNotify), new(monitor.TraceNotify)
	case api.MessageTypePolicyVerdict:
		return new(api.PolicyVerdictNotify), new(monitor.PolicyVerdictNotify)
	case api.MessageTypeTraceSock:
		return new(api.TraceSockNotify), new(monitor.TraceSockNotify)
	case api.MessageTypeAgent:
		return new(api.AgentNotify), new(ciliumapi.AgentNotify)
	case api.MessageTypeAccessLog:
		return new(accesslog.LogRecord), new(monitor.LogRecordNotify)
	default:
		t.Fatalf("no struct for type %d", typ)
		return nil, nil
	}
}

// requireSameDecoded checks that both sides decode the same from a sample.
func requireSameDecoded(t testing.TB, sample []byte) {
	t.Helper()
	ours, cilium := decoders(t, int(sample[0]))
	require.NoError(t, ours.Decode(sample))
	require.NoError(t, cilium.Decode(sample))
	requireSame(t, "", reflect.ValueOf(ours).Elem(), reflect.ValueOf(cilium).Elem())
	if our, ok := ours.(interface{ DataOffset() int }); ok {
		require.EqualValues(t, cilium.(interface{ DataOffset() uint }).DataOffset(), our.DataOffset())
	}
}

// renamed are fields that Cilium calls otherwise.
var renamed = map[string]string{"DebugCapture.CapLen": "Len", "TraceSockNotify.CgroupID": "CgroupId"}

// own are fields that Cilium does not have: they are in bytes that it does not look at.
var own = []string{"TraceNotify.Mark", "PolicyVerdictNotify.Ifindex"}

// requireSame checks that two values are the same: structs field by field, by name.
func requireSame(t testing.TB, at string, ours, cilium reflect.Value) {
	t.Helper()
	switch {
	case ours.Type() == cilium.Type():
		require.Equal(t, cilium.Interface(), ours.Interface(), at)
	case ours.Kind() == reflect.Struct:
		n := 0
		for field, value := range ours.Fields() {
			name := field.Name
			if slices.Contains(own, ours.Type().Name()+"."+name) {
				continue
			}
			if other, ok := renamed[ours.Type().Name()+"."+name]; ok {
				name = other
			}
			their := cilium.FieldByName(name)
			if !their.IsValid() && name == "Kafka" {
				continue // gone since Cilium 1.20
			}
			require.True(t, their.IsValid(), "Cilium has no field %s.%s", at, name)
			requireSame(t, at+"."+name, value, their)
			n++
		}
		require.Equal(t, exportedFields(cilium.Type()), n, "fields of Cilium's %s", cilium.Type())
	case ours.Kind() == reflect.Pointer:
		require.Equal(t, cilium.IsNil(), ours.IsNil(), at)
		if !ours.IsNil() {
			requireSame(t, at, ours.Elem(), cilium.Elem())
		}
	case ours.Kind() == reflect.Slice:
		require.Equal(t, cilium.Len(), ours.Len(), at)
		for i := range ours.Len() {
			requireSame(t, fmt.Sprintf("%s[%d]", at, i), ours.Index(i), cilium.Index(i))
		}
	default:
		require.True(t, ours.CanConvert(cilium.Type()), "%s is a %s, Cilium's a %s", at, ours.Type(), cilium.Type())
		require.Equal(t, ours.Type().Size(), cilium.Type().Size(), at)
		require.Equal(t, cilium.Interface(), ours.Convert(cilium.Type()).Interface(), at)
	}
}

// exportedFields counts the exported fields of a struct, with those of embedded structs.
func exportedFields(typ reflect.Type) (n int) {
	for _, field := range reflect.VisibleFields(typ) {
		if field.IsExported() && !field.Anonymous {
			n++
		}
	}
	return n
}

func TestStructs(t *testing.T) {
	for _, e := range events(t) {
		if isMarked(t, e) {
			continue
		}
		t.Run(e.name, func(t *testing.T) { requireSameDecoded(t, e.payload.Data) })
	}
}

func isMarked(t testing.TB, e event) bool {
	var n api.TraceNotify
	return e.payload.Data[0] == api.MessageTypeTrace && n.Decode(e.payload.Data) == nil && n.Mark != 0
}

// TestMarkedTraces checks that Cilium reads from a trace with a mark what it reads without.
func TestMarkedTraces(t *testing.T) {
	found := 0
	for _, e := range events(t) {
		if !isMarked(t, e) {
			continue
		}
		found++
		var marked, plain monitor.TraceNotify
		require.NoError(t, marked.Decode(e.payload.Data))
		var n api.TraceNotify
		require.NoError(t, n.Decode(e.payload.Data))
		n.Mark = 0
		require.NoError(t, plain.Decode(append(n.Append(nil), e.payload.Data[n.DataOffset():]...)))

		require.Equal(t, plain.OriginalIP().IsUnspecified(), marked.OriginalIP().IsUnspecified(), e.name)
		if !plain.IsIPv6() {
			require.Equal(t, plain.OriginalIP(), marked.OriginalIP(), e.name)
		}
		// The flag matters for that and for devices without Ethernet headers only.
		require.Equal(t, plain.Flags&^api.FlagIPv6, marked.Flags, e.name)
		require.False(t, plain.IsIPv6() && plain.IsL3Device(), e.name)
		marked.OrigIP, marked.Flags = plain.OrigIP, plain.Flags
		require.Equal(t, plain, marked, e.name)
	}
	require.Equal(t, 3, found)
}

// TestRandomStructs decodes samples with any value in each field.
func TestRandomStructs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	versions := map[int]int{
		api.MessageTypeDrop: 4, api.MessageTypeTrace: 3, api.MessageTypePolicyVerdict: 2, api.MessageTypeCapture: 2,
		api.MessageTypeDebug: 1, api.MessageTypeTraceSock: 1,
	}
	for typ, n := range versions {
		for i := range 1000 {
			var sample [64]byte
			for j := range sample {
				sample[j] = byte(random.Uint32())
			}
			sample[0] = byte(typ)
			length := len(sample)
			switch typ {
			case api.MessageTypeDebug:
				length = 20
			case api.MessageTypeTraceSock:
				length = 40
			default: // a version that there is, no extension, no packet
				sample[12], sample[13], sample[14], sample[15] = 0, 0, byte(i%n), 0
			}
			requireSameDecoded(t, sample[:length])
		}
	}
}

// TestAgentNotifications checks that both sides make the same of a notification, and
// decode what the other encodes.
func TestAgentNotifications(t *testing.T) {
	for _, n := range notifications() {
		t.Run(n.name, func(t *testing.T) {
			ours, err := n.ours.ToJSON()
			require.NoError(t, err)
			cilium, err := n.cilium.ToJSON()
			require.NoError(t, err)
			require.EqualValues(t, cilium.Type, ours.Type)
			require.Equal(t, cilium.Text, ours.Text)

			var our api.AgentNotify
			require.NoError(t, our.Decode(ciliumSample(t, api.MessageTypeAgent, cilium)))
			require.Equal(t, ours, our)
			var their ciliumapi.AgentNotify
			require.NoError(t, their.Decode(n.sample(t)))
			require.Equal(t, cilium, their)
		})
	}
}

// TestLogRecords checks that an access log record that Cilium encodes is what it was.
func TestLogRecords(t *testing.T) {
	for _, r := range records() {
		t.Run(r.name, func(t *testing.T) {
			sample, err := r.record.Append(nil)
			require.NoError(t, err)
			var cilium monitor.LogRecordNotify
			require.NoError(t, cilium.Decode(sample))

			var back accesslog.LogRecord
			require.NoError(t, back.Decode(ciliumSample(t, api.MessageTypeAccessLog, cilium.LogRecord)))
			require.Equal(t, r.record, back)
			requireSame(t, "", reflect.ValueOf(back), reflect.ValueOf(cilium.LogRecord))
		})
	}
}

// ciliumSample encodes an event as Cilium's agent does.
func ciliumSample(t testing.TB, typ byte, event any) []byte {
	t.Helper()
	buf := bytes.NewBuffer([]byte{typ})
	require.NoError(t, gob.NewEncoder(buf).Encode(event))
	return buf.Bytes()
}
