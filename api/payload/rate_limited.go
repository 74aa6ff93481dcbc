// SPDX-License-Identifier: Apache-2.0

package payload

// causeRateLimit is the first byte of the Data of a loss that says more; the second one is a message type. Clients
// that know nothing of that, such as Cilium's, do not look at the Data of a loss.
const causeRateLimit = 3 // as session.LostByRateLimit

// NewRateLimited returns the loss of n events of a message type that the datapath did not make, since there were more
// than its rate limit allows. Its CPU is 0: they are not those of one CPU.
func NewRateLimited(n uint64, typ uint8) Payload {
	return Payload{Type: RecordLost, Lost: n, Data: []byte{causeRateLimit, typ}}
}

// RateLimited tells whether pl is a loss of [NewRateLimited], and of which message type.
func (pl *Payload) RateLimited() (typ uint8, ok bool) {
	if pl.Type != RecordLost || len(pl.Data) < 2 || pl.Data[0] != causeRateLimit {
		return 0, false
	}
	return pl.Data[1], true
}
