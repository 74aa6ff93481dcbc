// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Timestamps is how lines say when an event was. The zero value is TimestampsTime.
type Timestamps uint8

const (
	// TimestampsTime is the time of the day where the clock is, in milliseconds: 15:04:05.000.
	TimestampsTime Timestamps = iota

	// TimestampsRelative is the seconds since the first line.
	TimestampsRelative

	// TimestampsRFC3339 is date and time, in microseconds.
	TimestampsRFC3339

	// TimestampsNone is nothing.
	TimestampsNone
)

var timestampNames = [...]string{
	TimestampsTime: "time", TimestampsRelative: "relative", TimestampsRFC3339: "rfc3339", TimestampsNone: "none",
}

// TimestampNames returns the names that Set knows.
func TimestampNames() []string { return append([]string(nil), timestampNames[:]...) }

// String returns the name.
func (t Timestamps) String() string { return timestampNames[t] }

// Set sets t to what a name stands for. Of what was a switch once, true is rfc3339 and false none.
func (t *Timestamps) Set(name string) error {
	if on, err := strconv.ParseBool(name); err == nil {
		*t = TimestampsNone
		if on {
			*t = TimestampsRFC3339
		}
		return nil
	}
	for i, n := range timestampNames {
		if n == strings.ToLower(name) {
			*t = Timestamps(i)
			return nil
		}
	}
	return errors.New("it is time, relative, rfc3339 or none")
}

// Type implements pflag.Value.
func (t *Timestamps) Type() string { return "WHICH" }

// rfc3339Layout is RFC 3339 with a width that does not change, so that lines align.
const rfc3339Layout = "2006-01-02T15:04:05.000000Z07:00"

// appendTime appends the time of an event and a space.
func (f *Formatter) appendTime(dst []byte) []byte {
	if f.opts.Clock == nil || f.opts.Timestamps == TimestampsNone {
		return dst
	}
	now := f.opts.Clock()
	switch f.opts.Timestamps {
	case TimestampsRelative:
		dst = f.appendRelative(dst, now)
	case TimestampsRFC3339:
		dst = now.AppendFormat(dst, rfc3339Layout)
	default:
		dst = appendTimeOfDay(dst, now)
	}
	return append(dst, ' ')
}

// appendTimeOfDay appends what the layout "15:04:05.000" would, in a fraction of the time.
func appendTimeOfDay(dst []byte, t time.Time) []byte {
	hour, minute, second := t.Clock()
	dst = append(appendDigits(dst, hour, 2), ':')
	dst = append(appendDigits(dst, minute, 2), ':')
	dst = append(appendDigits(dst, second, 2), '.')
	return appendDigits(dst, t.Nanosecond()/int(time.Millisecond), 3)
}

// relativeWidth is how many digits of the seconds are aligned: more than a day.
const relativeWidth = 5

// appendRelative appends the time since the first call, in seconds and milliseconds.
func (f *Formatter) appendRelative(dst []byte, now time.Time) []byte {
	f.first.CompareAndSwap(nil, &now)
	passed := now.Sub(*f.first.Load())
	if passed < 0 { // a clock that was set
		passed = 0
	}
	seconds := int(passed / time.Second)
	width := 1
	for n := seconds; n >= 10; n /= 10 {
		width++
	}
	for range relativeWidth - width {
		dst = append(dst, ' ')
	}
	dst = append(appendDigits(dst, seconds, width), '.')
	return appendDigits(dst, int(passed%time.Second/time.Millisecond), 3)
}

// appendDigits appends n with width digits.
func appendDigits(dst []byte, n, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] += byte(n % 10)
		n /= 10
	}
	return dst
}
