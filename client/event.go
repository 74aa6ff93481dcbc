// SPDX-License-Identifier: Apache-2.0

package client

import (
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
)

// Event is one event, or one loss, of an agent.
type Event struct {
	payload.Payload

	// Time is when the agent got it, by the clock of its machine. It is the zero time if the agent speaks the API 1.2.
	Time time.Time

	// Loss says more of a loss than Payload: why, of which type, and whether the number is known. It is zero for an
	// event.
	Loss session.Loss
}

// payloads are the events of the API 1.2.
type payloads struct{ decoder *payload.Decoder }

func (p payloads) next(e *Event) error {
	e.Time, e.Loss = time.Time{}, session.Loss{}
	if err := p.decoder.Decode(&e.Payload); err != nil {
		return err
	}
	if e.Type == payload.RecordLost {
		e.Loss = session.Loss{Count: e.Lost, CPU: e.CPU, Cause: session.LostInKernel}
		if typ, ok := e.RateLimited(); ok {
			e.Loss.CPU, e.Loss.Cause, e.Loss.Type = payload.CPULostByReader, session.LostByRateLimit, typ
		} else if e.CPU == payload.CPULostByReader {
			e.Loss.Cause = session.LostByReader
		}
	}
	return nil
}
