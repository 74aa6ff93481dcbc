// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

func TestAgentMessages(t *testing.T) {
	labels := []string{"k8s:app=web", "reserved:host"}
	old, none := api.NumericIdentity(2), api.NumericIdentity(0)
	for _, c := range []struct {
		msg        api.AgentNotifyMessage
		typ        api.AgentNotification
		name, json string
	}{
		{api.GenericMessage("hello"), 1, "Message", `"hello"`},
		{api.GenericMessage(map[string]int{"a": 1}), 1, "Message", `{"a":1}`},
		{
			api.StartMessage(time.Date(2026, 11, 22, 1, 2, 3, 4, time.FixedZone("", 3600))), 2, "Cilium agent started",
			`{"time":"2026-11-22T01:02:03.000000004+01:00"}`,
		},
		{
			api.EndpointRegenMessage(7, labels, nil), 3, "Endpoint regenerated",
			`{"id":7,"labels":["k8s:app=web","reserved:host"]}`,
		},
		{
			api.EndpointRegenMessage(7, nil, errors.New("no")), 4, "Failed endpoint regeneration", `{"id":7,"error":"no"}`,
		},
		{
			api.PolicyUpdateMessage(3, labels, 9), 5, "Policy updated",
			`{"labels":["k8s:app=web","reserved:host"],"revision":9,"rule_count":3}`,
		},
		{api.PolicyDeleteMessage(0, nil, 0), 6, "Policy deleted", `{"rule_count":0}`},
		{
			api.EndpointCreateMessage(7, labels[:1], "pod-1", "default"), 7, "Endpoint created",
			`{"id":7,"labels":["k8s:app=web"],"pod-name":"pod-1","namespace":"default"}`,
		},
		{api.EndpointDeleteMessage(0, nil, "", ""), 8, "Endpoint deleted", `{}`},
		{
			api.IPCacheUpsertedMessage(api.IPCacheNotification{
				CIDR: "10.0.0.1/32", Identity: 1234, OldIdentity: &old, HostIP: netip.MustParseAddr("192.0.2.1"),
				OldHostIP: netip.MustParseAddr("2001:db8::1"), EncryptKey: 3, Namespace: "ns", PodName: "p",
			}), 9, "IPCache entry upserted",
			`{"cidr":"10.0.0.1/32","id":1234,"old-id":2,"host-ip":"192.0.2.1","old-host-ip":"2001:db8::1",` +
				`"encrypt-key":3,"namespace":"ns","pod-name":"p"}`,
		},
		{
			api.IPCacheDeletedMessage(api.IPCacheNotification{CIDR: "::/0", Identity: 2, OldIdentity: &none}), 10,
			"IPCache entry deleted", `{"cidr":"::/0","id":2,"old-id":0,"encrypt-key":0}`,
		},
	} {
		require.Equal(t, c.typ, c.msg.Type)
		require.Equal(t, c.name, c.msg.Type.String())
		n, err := c.msg.ToJSON()
		require.NoError(t, err)
		require.Equal(t, api.AgentNotify{Type: c.typ, Text: c.json}, n)
	}
	require.Equal(t, "unspecified", api.AgentNotifyUnspec.String())
	require.Equal(t, "13", api.AgentNotification(13).String())

	_, err := api.GenericMessage(make(chan int)).ToJSON()
	require.ErrorContains(t, err, `marshal agent notification "Message"`)
}

// The whole stream, byte by byte: clients see it.
func TestAgentNotifyGolden(t *testing.T) {
	const typeDef = "\x2b\xff\x81\x03\x01\x01\x0bAgentNotify\x01\xff\x82\x00" +
		"\x01\x02\x01\x04Type\x01\x06\x00\x01\x04Text\x01\x0c\x00\x00\x00"
	for want, n := range map[string]api.AgentNotify{
		"\x09\xff\x82\x01\x02\x01\x02hi\x00":       {Type: 2, Text: "hi"},
		"\x07\xff\x82\x02\x02hi\x00":               {Text: "hi"},
		"\x06\xff\x82\x01\xff\xc8\x00":             {Type: 200},
		"\x03\xff\x82\x00":                         {},
		"\x09\xff\x82\x01\xfc\x01\x02\x03\x04\x00": {Type: 0x01020304},
	} {
		require.Equal(t, "prefix"+typeDef+want, string(n.AppendGob([]byte("prefix"))))
		require.Equal(t, "\x82"+typeDef+want, string(n.Append(nil)))
	}
}

func TestAgentNotifyGobProperty(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	for i := range 2000 {
		n := api.AgentNotify{Type: api.AgentNotification(rnd.Uint32() >> rnd.UintN(33))}
		length := rnd.IntN(400)
		if i%100 == 0 {
			length = 1 << rnd.UintN(18) // lengths of one, two and three bytes
		}
		n.Text = string(randomBytes(rnd, length))

		var ours api.AgentNotify
		dec := gob.NewDecoder(bytes.NewReader(n.AppendGob(nil)))
		require.NoError(t, dec.Decode(&ours))
		require.Equal(t, n, ours)

		var theirs bytes.Buffer
		require.NoError(t, gob.NewEncoder(&theirs).Encode(n))
		require.Equal(t, gobFields(t, theirs.Bytes()), gobFields(t, n.AppendGob(nil)))

		var got api.AgentNotify
		require.NoError(t, got.Decode(n.Append(nil)))
		require.Equal(t, n, got)
		require.NoError(t, got.Decode(append([]byte{130}, theirs.Bytes()...)))
		require.Equal(t, n, got)
	}
}

// gobFields returns what follows the type id, a number of the process that encoded, in the
// second message of a gob stream.
func gobFields(t *testing.T, stream []byte) string {
	uint := func() (u uint64) {
		if stream[0] < 0x80 {
			u, stream = uint64(stream[0]), stream[1:]
			return u
		}
		var b [8]byte
		n := -int(int8(stream[0]))
		copy(b[8-n:], stream[1:])
		stream = stream[1+n:]
		return binary.BigEndian.Uint64(b[:])
	}
	stream = stream[uint():]
	length := uint()
	require.EqualValues(t, length, len(stream), "the value message is all the rest")
	uint() // the type id
	return string(stream)
}

// Fields that a newer agent adds are skipped, and a differently named type is the same.
func TestAgentNotifyDecodeOtherStruct(t *testing.T) {
	type notify struct {
		Text  string
		Extra []int
		Type  uint8
	}
	buf := bytes.NewBuffer([]byte{api.MessageTypeAgent})
	require.NoError(t, gob.NewEncoder(buf).Encode(notify{"{}", []int{1, 2}, 7}))
	var n api.AgentNotify
	require.NoError(t, n.Decode(buf.Bytes()))
	require.Equal(t, api.AgentNotify{Type: api.AgentNotifyEndpointCreated, Text: "{}"}, n)
}

func TestAgentNotifyDecodeErrors(t *testing.T) {
	sample := (&api.AgentNotify{Type: 1, Text: "some text"}).Append(nil)
	old := api.AgentNotify{Type: 9, Text: "old"}
	n := old
	for i := 1; i < len(sample); i++ {
		requireDecodeError(t, n.Decode(sample[:i]), api.ErrMalformed, api.DecodeError{Type: api.MessageTypeAgent, Got: i})
	}
	requireDecodeError(t, n.Decode(nil), api.ErrTruncated, api.DecodeError{Type: api.MessageTypeAgent, Want: 1})
	requireDecodeError(t, n.Decode([]byte{1, 2}), api.ErrWrongType, api.DecodeError{Type: api.MessageTypeDrop, Got: 2})

	big := (&api.AgentNotify{Text: strings.Repeat("x", 1<<20)}).Append(nil)
	requireDecodeError(t, n.Decode(big), api.ErrOversized,
		api.DecodeError{Type: api.MessageTypeAgent, Want: api.MaxUserEventSize, Got: len(big)})

	buf := bytes.NewBuffer([]byte{api.MessageTypeAgent})
	require.NoError(t, gob.NewEncoder(buf).Encode(struct{ Type uint64 }{math.MaxUint64}))
	require.ErrorIs(t, n.Decode(buf.Bytes()), api.ErrMalformed)
	overflow := string((&api.AgentNotify{}).Append(nil))
	overflow = overflow[:len(overflow)-4] + "\x0a\xff\x82\x01\xfb\x01\x00\x00\x00\x00\x00" // Type 1<<32
	require.ErrorIs(t, n.Decode([]byte(overflow)), api.ErrMalformed)
	require.Equal(t, old, n, "unchanged after an error")
}

func TestAppendGobDoesNotAllocate(t *testing.T) {
	n := api.AgentNotify{Type: 7, Text: strings.Repeat("x", 300)}
	buf := make([]byte, 0, 512)
	require.Zero(t, testing.AllocsPerRun(100, func() { buf = n.AppendGob(buf[:0]) }))
}

// The text is all that a decoder allocates for the stream of either encoder.
func TestAgentNotifyDecodeAllocatesText(t *testing.T) {
	n := api.AgentNotify{Type: 7, Text: "{}"}
	buf := bytes.NewBuffer([]byte{api.MessageTypeAgent})
	require.NoError(t, gob.NewEncoder(buf).Encode(n))
	for _, sample := range [][]byte{n.Append(nil), buf.Bytes()} {
		require.EqualValues(t, 1, testing.AllocsPerRun(100, func() {
			if err := n.Decode(sample); err != nil {
				t.Fatal(err)
			}
		}))
	}
}

func BenchmarkAgentNotifyAppendGob(b *testing.B) {
	n := api.AgentNotify{Type: 7, Text: `{"id":7,"labels":["k8s:app=web"],"pod-name":"pod-1","namespace":"default"}`}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = n.AppendGob(buf[:0])
	}
}

func BenchmarkAgentNotifyDecode(b *testing.B) {
	n := api.AgentNotify{Type: 7, Text: `{"id":7,"labels":["k8s:app=web"],"pod-name":"pod-1","namespace":"default"}`}
	sample := n.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := n.Decode(sample); err != nil {
			b.Fatal(err)
		}
	}
}
