// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

// senders is how many goroutines call SendEvent.
const senders = 32

// Sent counts the calls of SendEvent.
type Sent struct {
	Accepted  uint64
	QueueFull uint64 // ErrQueueFull
	Errors    []string
}

// send sends events from all senders until ctx ends, in bursts of all sizes with pauses in between.
// Each accepted event has the next number of its sender.
func send(ctx context.Context, a *agent.Agent, pauses time.Duration) Sent {
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		sum Sent // guarded by mu
	)
	for sender := range senders {
		wg.Go(func() {
			sent := sendFrom(ctx, a, sender, pauses)
			mu.Lock()
			defer mu.Unlock()
			sum.Accepted += sent.Accepted
			sum.QueueFull += sent.QueueFull
			sum.Errors = append(sum.Errors, sent.Errors...)
		})
	}
	wg.Wait()
	return sum
}

func sendFrom(ctx context.Context, a *agent.Agent, sender int, pauses time.Duration) (sent Sent) {
	for pause(ctx, pauses) {
		for range 1 + rand.IntN(32) {
			typ, event := userEvent(marked(sender, sent.Accepted))
			switch err := a.SendEvent(typ, event); {
			case err == nil:
				sent.Accepted++
			case errors.Is(err, agent.ErrQueueFull):
				sent.QueueFull++
			default:
				sent.Errors = append(sent.Errors, err.Error())
				return sent
			}
		}
	}
	return sent
}

// typeOfText is a message type that nobody has described.
const typeOfText = 200

// userEvent returns an event of one of several types, and of any size up to some 16 KiB, of which
// small ones are the most.
func userEvent(text string) (typ int, event any) {
	size := rand.IntN(200)
	if rand.IntN(64) == 0 {
		size = rand.IntN(16 << 10)
	}
	text += strings.Repeat("x", size)
	switch rand.IntN(4) {
	case 0:
		return api.MessageTypeAccessLog, accesslog.LogRecord{Timestamp: time.Now().String(), Info: text}
	case 1:
		return typeOfText, text
	default:
		return api.MessageTypeAgent, api.GenericMessage(text)
	}
}

// textOf returns the text of such an event as consumers get it, empty for others.
func textOf(event any) string {
	switch event := event.(type) {
	case string:
		return event
	case accesslog.LogRecord:
		return event.Info
	case api.AgentNotifyMessage:
		text, _ := event.Notification.(string)
		return text
	default:
		return ""
	}
}

// pause waits for a random time, up to twice the mean, and tells whether ctx goes on.
func pause(ctx context.Context, mean time.Duration) bool {
	timer := time.NewTimer(rand.N(2 * mean))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stretch returns how long a pause is at a share of the full load.
func stretch(pause time.Duration, share float64) time.Duration {
	return time.Duration(float64(pause) / share)
}
