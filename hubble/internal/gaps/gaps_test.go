// SPDX-License-Identifier: Apache-2.0

package gaps_test

import (
	"math"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/hubble/internal/gaps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestGaps follows a stream of events and losses, one each second.
func TestGaps(t *testing.T) {
	const unknown = -1
	limited := func(typ uint8) *payload.Payload {
		pl := payload.NewRateLimited(7, typ)
		return &pl
	}
	sample := func(typ uint8, cpu int) *payload.Payload {
		return &payload.Payload{Type: payload.EventSample, CPU: cpu, Data: []byte{typ}}
	}
	loss := func(cpu int) *payload.Payload { return &payload.Payload{Type: payload.RecordLost, CPU: cpu, Lost: 7} }
	begin := time.Unix(1000, 0)
	g := gaps.New(begin)
	for i, step := range []struct {
		*payload.Payload
		first int // of a loss: the second since begin
	}{
		1:  {loss(payload.CPULostByReader), 0},
		2:  {loss(3), unknown},
		3:  {loss(3), 2},
		4:  {Payload: sample(api.MessageTypeDrop, 3)},
		5:  {Payload: sample(api.MessageTypeTrace, 1)},
		6:  {loss(3), 4},
		7:  {Payload: sample(api.MessageTypeAgent, 3)}, // not of that CPU's ring
		8:  {loss(3), 6},
		9:  {loss(payload.CPULostByReader), 7},
		10: {limited(api.MessageTypeDrop), unknown},
		11: {limited(api.MessageTypeTrace), unknown},
		12: {limited(api.MessageTypeDrop), 10},
		13: {Payload: sample(api.MessageTypeDrop, math.MaxInt)}, // what can't be does no harm
		14: {Payload: sample(api.MessageTypeDrop, -5)},
		15: {loss(math.MaxInt), unknown},
		16: {Payload: &payload.Payload{Type: payload.EventSample}},
		17: {loss(payload.CPULostByReader), 16},
	} {
		if step.Payload == nil {
			continue
		}
		at := begin.Add(time.Duration(i) * time.Second)
		e := agent.Event{Time: at, Payload: step.Payload}
		if step.Type == payload.EventSample {
			g.Came(e)
			continue
		}
		m := &flowpb.LostEvent{}
		g.Complete(m, e)
		require.Equal(t, at.UTC(), m.GetLast().AsTime(), "step %d", i)
		if step.first == unknown {
			require.Nil(t, m.GetFirst(), "step %d", i)
			continue
		}
		require.Equal(t, begin.Add(time.Duration(step.first)*time.Second).UTC(), m.GetFirst().AsTime(), "step %d", i)
	}
	m := &flowpb.LostEvent{}
	gaps.New(time.Time{}).Complete(m, agent.Event{Time: begin, Payload: loss(payload.CPULostByReader)})
	require.Nil(t, m.GetFirst(), "nothing came, and since when it would have is not known")
}
