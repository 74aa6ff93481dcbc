// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/pflag"

	"github.com/cilium/monitor/api/session"
)

const (
	flagLast  = "last"
	flagSince = "since"
	flagUntil = "until"
)

// past are the flags that ask for what an agent keeps of what happened before.
type past struct {
	last         int
	since, until momentFlag
}

func (p *past) addFlags(fs *pflag.FlagSet) {
	fs.IntVar(&p.last, flagLast, 0, "begin with the last `N` events that match, of those that the agent keeps (its --history)")
	fs.Var(&p.since, flagSince, "begin with those since this `TIME`: 5m ago, at 15:04, at 15:04:05, at 2006-01-02T15:04:05Z")
	fs.Var(&p.until, flagUntil, "end with this `TIME`; the same forms, but 15:04 is the next time that it is so late, with --since behind that, with --last today")
}

// given tells whether any of the flags is.
func (p *past) given() bool { return p.last != 0 || p.since.given() || p.until.given() }

// check settles which days the times are of, and refuses what contradicts itself or the source of the events.
func (p *past) check(read string) error {
	now := time.Now()
	p.settle(now)
	switch {
	case p.last < 0:
		return fmt.Errorf("--%s %d: it must be at least 1", flagLast, p.last)
	case p.last != 0 && p.since.given():
		return fmt.Errorf("--%s and --%s both say where to begin", flagLast, flagSince)
	case p.since.given() && p.until.given() && !p.until.at.After(p.since.at):
		return fmt.Errorf("--%s is not after --%s", flagUntil, flagSince)
	case p.since.given() && p.since.at.After(now):
		return fmt.Errorf("--%s %s is in the future", flagSince, p.since.text)
	case p.until.given() && !p.until.at.After(now) && p.last == 0 && !p.since.given():
		return fmt.Errorf("--%s %s is in the past: say with --%s or --%s where to begin", flagUntil, p.until.text, flagLast, flagSince)
	case p.given() && read != "":
		return fmt.Errorf("--%s, --%s and --%s are about what an agent keeps, which --read is not", flagLast, flagSince, flagUntil)
	default:
		return nil
	}
}

// settle finds the days of times that have none. Since the last such time is meant; until the next one, behind since if that is
// given; and of the last events before a time that is today's.
func (p *past) settle(now time.Time) {
	if p.since.clock {
		if p.since.at = onDayOf(now, p.since.at); p.since.at.After(now) {
			p.since.at = p.since.at.AddDate(0, 0, -1)
		}
	}
	if !p.until.clock {
		return
	}
	from := now
	if p.since.given() {
		from = p.since.at
	}
	if p.until.at = onDayOf(from, p.until.at); !p.until.at.After(from) && p.last == 0 {
		p.until.at = p.until.at.AddDate(0, 0, 1)
	}
}

// onDayOf returns the time of day of a clock, on a day.
func onDayOf(day, clock time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), day.Location())
}

// end returns until when there are events by now.
func (p *past) end(now time.Time) time.Time {
	if p.until.given() && p.until.at.Before(now) {
		return p.until.at
	}
	return now
}

// addTo adds what the flags ask for to a request.
func (p *past) addTo(r *session.Request) {
	if p.last != 0 {
		r.From.Last = uint64(p.last)
	}
	if p.since.given() {
		r.From.Since = nanoseconds(p.since.at)
	}
	if p.until.given() {
		r.Until = nanoseconds(p.until.at)
		r.HistoryOnly = r.From != (session.From{}) && p.until.at.Before(time.Now())
	}
}

// nanoseconds returns the time in nanoseconds since 1970, or the one next to it of those that a request can have:
// there 0 is none.
func nanoseconds(at time.Time) int64 {
	first, last := time.Unix(0, 1), time.Unix(0, math.MaxInt64)
	switch {
	case at.Before(first):
		return first.UnixNano()
	case at.After(last):
		return last.UnixNano()
	default:
		return at.UnixNano()
	}
}

// momentFlag is a time: that of a clock, of a date, or so long ago.
type momentFlag struct {
	at    time.Time
	clock bool // at has no day yet
	text  string
}

var errMoment = errors.New("it is neither a duration, such as 5m, nor a time, such as 15:04, 15:04:05 or 2006-01-02T15:04:05Z")

// Set implements pflag.Value.
func (m *momentFlag) Set(text string) error {
	at, clock, err := parseMoment(text, time.Now())
	if err != nil {
		return err
	}
	m.at, m.clock, m.text = at, clock, text
	return nil
}

// parseMoment returns the time that a text means. That of a clock has no day.
func parseMoment(text string, now time.Time) (at time.Time, clock bool, err error) {
	if ago, err := time.ParseDuration(text); err == nil {
		if ago < 0 {
			return time.Time{}, false, errors.New("it is negative")
		}
		return now.Add(-ago), false, nil
	}
	if at, err := time.ParseInLocation(time.RFC3339Nano, text, now.Location()); err == nil {
		return at, false, nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true, nil
		}
	}
	return time.Time{}, false, errMoment
}

// String implements pflag.Value.
func (m *momentFlag) String() string { return m.text }

// Type implements pflag.Value.
func (m *momentFlag) Type() string { return "time" }

func (m *momentFlag) given() bool { return m.text != "" }
