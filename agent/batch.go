// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
)

// batch is what guests take at once: records of a source, or one event of user space.
type batch struct {
	records []payload.Payload  // with Data that lies in the log; of user space one that may have no Data
	classes []eventlog.Classes // of demand, that each record is for
	typ     uint8              // of the event of user space

	some []payload.Payload // what only returned last
}

// reset empties the batch.
func (b *batch) reset() { b.records, b.classes = b.records[:0], b.classes[:0] }

func (b *batch) add(pl payload.Payload, classes eventlog.Classes) {
	b.records, b.classes = append(b.records, pl), append(b.classes, classes)
}

// only returns the records for a class. They are valid until the next call.
func (b *batch) only(class int) []payload.Payload {
	if n, _ := b.of(class); n == len(b.records) {
		return b.records
	}
	b.some = b.some[:0]
	for i := range b.records {
		if b.classes[i].Has(class) {
			b.some = append(b.some, b.records[i])
		}
	}
	return b.some
}

// of returns how many records are for a class, and for how many events they stand.
func (b *batch) of(class int) (records int, events uint64) {
	for i := range b.records {
		if b.classes[i].Has(class) {
			records++
			events += max(1, b.records[i].Lost)
		}
	}
	return records, events
}

// wanted is what of returns, for one who is of no class.
func (b *batch) wanted(i interest.Interest) (records int, events uint64) {
	for n := range b.records {
		pl := &b.records[n]
		wanted := wantsPayload(i, pl)
		if pl.Data == nil && pl.Lost == 0 {
			wanted = i.WantsType(b.typ)
		}
		if wanted {
			records++
			events += max(1, pl.Lost)
		}
	}
	return records, events
}
