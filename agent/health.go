// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"time"
)

// reading reports that r reads. The caller does not hold a.Mutex.
func (a *Agent) reading(r *reader) {
	a.Lock()
	defer a.Unlock()
	if a.health != nil && a.reader == r {
		a.health.OK(fmt.Sprintf("Reading the perf ring buffers of %d CPUs", len(r.wakeups.rings)))
	}
}

// failed reports that r failed and when it will be started again. The caller does not hold
// a.Mutex.
func (a *Agent) failed(r *reader, err error, retryIn time.Duration) {
	a.Lock()
	defer a.Unlock()
	if a.reader != r {
		return
	}
	a.log.WithError(err).WithField("retry-in", retryIn).Error("Reading the perf ring buffers failed")
	if a.health != nil {
		a.health.Degraded("Reading the perf ring buffers failed", err)
	}
}

// idle reports that no reader is needed. The caller holds a.Mutex.
func (a *Agent) idle() {
	if a.health != nil {
		a.health.OK("Nobody is subscribed, the perf ring buffers are not read")
	}
}
