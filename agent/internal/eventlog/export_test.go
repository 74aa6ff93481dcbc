// SPDX-License-Identifier: Apache-2.0

package eventlog

// Memory returns the bytes that the log keeps for events.
func Memory(l *Log) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.segments {
		n += cap(s.buf)
	}
	return n
}
