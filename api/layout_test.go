// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// message is what all structs of the datapath have.
type message interface {
	Decode([]byte) error
	Append([]byte) []byte
}

// packetMessage is a message that packet data follows.
type packetMessage interface {
	message
	DataOffset() int
	PacketData([]byte) ([]byte, error)
}

// field is where a field is on the wire.
type field struct {
	name   string
	offset int
}

// layout is what one version of a struct looks like on the wire.
type layout struct {
	typ     int
	version uint8
	length  int
	zero    func() message
	fields  []field
}

var captureHeader = []field{
	{"Type", 0}, {"SubType", 1}, {"Source", 2}, {"Hash", 4}, {"OrigLen", 8}, {"CapLen", 12},
	{"Version", 14}, {"ExtVersion", 15},
}

var dropFields = append(captureHeader[:8:8],
	field{"SrcLabel", 16}, field{"DstLabel", 20}, field{"DstID", 24}, field{"Line", 28}, field{"File", 30},
	field{"ExtError", 31}, field{"Ifindex", 32})

var traceFields = []field{
	{"Type", 0}, {"ObsPoint", 1}, {"Source", 2}, {"Hash", 4}, {"OrigLen", 8}, {"CapLen", 12},
	{"Version", 14}, {"ExtVersion", 15},
	{"SrcLabel", 16}, {"DstLabel", 20}, {"DstID", 24}, {"Reason", 26}, {"Flags", 27}, {"Ifindex", 28},
}

var policyVerdictFields = append(captureHeader[:8:8],
	field{"RemoteLabel", 16}, field{"Verdict", 20}, field{"DstPort", 24}, field{"Proto", 26}, field{"Flags", 27},
	field{"AuthType", 28}, field{"Cookie", 32})

var captureFields = append(captureHeader[:8:8], field{"Arg1", 16}, field{"Arg2", 20})

func newDrop() message          { return new(api.DropNotify) }
func newTrace() message         { return new(api.TraceNotify) }
func newPolicyVerdict() message { return new(api.PolicyVerdictNotify) }
func newCapture() message       { return new(api.DebugCapture) }
func newDebug() message         { return new(api.DebugMsg) }
func newTraceSock() message     { return new(api.TraceSockNotify) }
func newKernelDrop() message    { return new(api.KernelDropNotify) }

var layouts = []layout{
	{api.MessageTypeDrop, 0, 36, newDrop, dropFields},
	{api.MessageTypeDrop, 1, 36, newDrop, dropFields},
	{api.MessageTypeDrop, 2, 40, newDrop, append(dropFields[:15:15], field{"Flags", 36})},
	{api.MessageTypeDrop, 3, 48, newDrop, append(dropFields[:15:15], field{"Flags", 36}, field{"IPTraceID", 40})},
	{api.MessageTypeTrace, 0, 32, newTrace, traceFields},
	{api.MessageTypeTrace, 1, 48, newTrace, append(traceFields[:14:14], field{"OrigIP", 32})},
	{api.MessageTypeTrace, 2, 56, newTrace, append(traceFields[:14:14], field{"OrigIP", 32}, field{"IPTraceID", 48})},
	{api.MessageTypePolicyVerdict, 0, 40, newPolicyVerdict, policyVerdictFields},
	{api.MessageTypePolicyVerdict, 1, 40, newPolicyVerdict, policyVerdictFields},
	{api.MessageTypeCapture, 0, 24, newCapture, captureFields},
	{api.MessageTypeCapture, 1, 24, newCapture, captureFields},
	{api.MessageTypeDebug, 0, 20, newDebug, []field{
		{"Type", 0}, {"SubType", 1}, {"Source", 2}, {"Hash", 4}, {"Arg1", 8}, {"Arg2", 12}, {"Arg3", 16},
	}},
	{api.MessageTypeTraceSock, 0, 40, newTraceSock, []field{
		{"Type", 0}, {"XlatePoint", 1}, {"L4Proto", 2}, {"Flags", 3}, {"DstPort", 4}, {"SockCookie", 8},
		{"CgroupID", 16}, {"DstIP", 24},
	}},
	{api.MessageTypeKernelDrop, 0, 192, newKernelDrop, []field{
		{"Type", 0}, {"Direction", 1}, {"Source", 2}, {"Hash", 4}, {"OrigLen", 8}, {"CapLen", 12}, {"Version", 14}, {"ExtVersion", 15},
		{"Reason", 16}, {"Ifindex", 20}, {"CgroupID", 24}, {"NetNS", 32}, {"PID", 36}, {"Limited", 40}, {"Mark", 44}, {"Offset", 48},
		{"Protocol", 52}, {"Flags", 54}, {"Device", 56}, {"Process", 72}, {"ReasonName", 88}, {"Function", 128},
	}},
}

func (l layout) String() string { return fmt.Sprintf("%s-v%d", api.MessageTypeName(l.typ), l.version) }

// versioned reports whether the layout has the common header with its version.
func (l layout) versioned() bool {
	_, ok := l.zero().(packetMessage)
	return ok
}

// set returns the bytes that a field of this kind gets, and sets it to them.
func set(v reflect.Value) []byte {
	pattern := []byte{0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8, 0x19, 0x2a, 0x3b, 0x4c, 0x5d, 0x6e, 0x7f, 0x80}
	switch v.Kind() {
	case reflect.Uint8:
		v.SetUint(uint64(pattern[0]))
		return pattern[:1]
	case reflect.Int8:
		v.SetInt(int64(int8(pattern[0])))
		return pattern[:1]
	case reflect.Uint16:
		v.SetUint(uint64(binary.NativeEndian.Uint16(pattern)))
		return pattern[:2]
	case reflect.Uint32:
		v.SetUint(uint64(binary.NativeEndian.Uint32(pattern)))
		return pattern[:4]
	case reflect.Int32:
		v.SetInt(int64(int32(binary.NativeEndian.Uint32(pattern))))
		return pattern[:4]
	case reflect.Uint64:
		v.SetUint(binary.NativeEndian.Uint64(pattern))
		return pattern[:8]
	case reflect.String:
		v.SetString(string(pattern))
		return pattern
	case reflect.Array:
		reflect.Copy(v, reflect.ValueOf(pattern))
		return pattern[:16]
	}
	panic("unexpected kind " + v.Kind().String())
}

// Each field alone is written to its offset, and nothing else is; and is read from there.
func TestFieldOffsets(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.String(), func(t *testing.T) {
			want := make([]byte, l.length)
			want[0] = byte(l.typ)
			if l.versioned() {
				want[14] = l.version
			}
			require.Equal(t, want, zero(t, l).Append(nil), "length of a struct of zeros")

			for _, f := range l.fields {
				if f.name == "Type" || f.name == "Version" || f.name == "ExtVersion" {
					continue // set in each of the samples; extensions are in their own test
				}
				msg := zero(t, l)
				bytes := set(reflect.ValueOf(msg).Elem().FieldByName(f.name))
				sample := append([]byte(nil), want...)
				copy(sample[f.offset:], bytes)
				require.Equal(t, sample, msg.Append(nil), f.name)

				got := l.zero()
				require.NoError(t, got.Decode(sample), f.name)
				require.Equal(t, msg, got, f.name)
			}
		})
	}
}

// inSpareBytes tells of fields that have no place of their own, but bytes that another field or padding leaves: see
// spare_bytes_test.go.
func inSpareBytes(l layout, field string) bool {
	return field == "Mark" && l.typ == api.MessageTypeTrace && l.version >= 1 || field == "Ifindex" && l.typ == api.MessageTypePolicyVerdict
}

// The fields that a version does not have are neither written nor read, and the table
// knows all that it has.
func TestFieldsOfOtherVersions(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.String(), func(t *testing.T) {
			sample := zero(t, l).Append(nil)
			known := map[string]bool{}
			for _, f := range l.fields {
				known[f.name] = true
			}
			typ := reflect.TypeOf(l.zero()).Elem()
			for i := range typ.NumField() {
				if known[typ.Field(i).Name] || inSpareBytes(l, typ.Field(i).Name) {
					continue
				}
				msg := zero(t, l)
				set(reflect.ValueOf(msg).Elem().Field(i))
				require.Equal(t, sample, msg.Append(nil), typ.Field(i).Name)
				require.NoError(t, msg.Decode(sample))
				require.Equal(t, zero(t, l), msg, "what was in a struct before does not stay in it")
			}
		})
	}
}

func TestDataOffset(t *testing.T) {
	for _, l := range layouts {
		if msg, ok := zero(t, l).(packetMessage); ok {
			require.Equal(t, l.length, msg.DataOffset(), l)
		}
	}
}

// zero returns a struct with nothing but its type and version set.
func zero(t testing.TB, l layout) message {
	t.Helper()
	msg := l.zero()
	v := reflect.ValueOf(msg).Elem()
	v.FieldByName("Type").SetUint(uint64(l.typ))
	if l.versioned() {
		v.FieldByName("Version").SetUint(uint64(l.version))
	}
	return msg
}
