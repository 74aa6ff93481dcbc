// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium/hive/script"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/inert"
)

const flagOver = "over"

func status(a *agent.Agent) script.Cmd {
	usage := script.CmdUsage{
		Summary: "Show what the monitor reads, how fast, who listens, and who is losing events",
		Flags: func(fs *pflag.FlagSet) {
			addOutputFlag(fs)
			fs.Duration(flagOver, 0, "measure rates, too, for so long; not with -o json, which has all counters")
		},
	}
	return Command(usage, 0, 0, func(s *script.State, _ []string) (string, error) {
		before := a.Stats()
		if wantsJSON(s.Flags) {
			return toJSON(before)
		}
		start := time.Now()
		over, err := s.Flags.GetDuration(flagOver)
		if err != nil || over <= 0 {
			return statusText(&before, nil, start), err
		}
		select {
		case <-s.Context().Done():
			return "", s.Context().Err()
		case <-time.After(over):
		}
		after, now := a.Stats(), time.Now()
		return statusText(&after, ratesBetween(&before, &after, now.Sub(start)), now), nil
	})
}

// statusText describes the statistics, with rates unless they are nil.
func statusText(s *agent.Stats, r *rates, now time.Time) string {
	var rows []string
	if !onlyOtherSources(s) {
		rows = append(rows, "Events map:\t"+inert.String(s.EventsMap))
	}
	rows = append(rows,
		"Reader:\t"+readerText(s),
		"Wanted:\t"+wantedText(s),
		"Datapath events:\t"+trafficText(s.Datapath, now),
		"User events:\t"+trafficText(s.User, now),
	)
	if r != nil {
		rows = append(rows, "Rate:\t"+r.String())
	}
	rows = append(rows, "Lost:\t"+lossText(s))
	if text := suppressedText(s.Suppressed); text != "" {
		rows = append(rows, "Suppressed:\t"+text)
	}
	if errors := errorText(s); errors != "" {
		rows = append(rows, "Errors:\t"+errors)
	}
	rows = append(rows,
		"Queue:\t"+queueText(s),
		"History:\t"+historyText(s.History, now),
		fmt.Sprintf("Subscribers:\t%s, %s, %s, %s; %d, %d, %d, %d ever",
			counted(len(s.Consumers), "consumer"), counted(len(s.Listeners), "listener"),
			counted(len(s.Streams), "stream"), counted(len(s.Clients), "client"),
			s.TotalSubscribers.Consumers, s.TotalSubscribers.Listeners, s.TotalSubscribers.Streams, s.TotalSubscribers.Clients))
	text := table(rows...)
	if !onlyEventsMap(s) {
		text += "\n" + sourceTable(s)
	}
	if !nobody(s) {
		text += "\n" + subscriberTable(s, now)
	}
	if len(s.Removed) > 0 {
		text += "\n" + removedTable(s, now)
	}
	return text
}

func readerText(s *agent.Stats) string {
	switch {
	case !s.Attached:
		return "not attached, user events only"
	case nobody(s) && s.History == nil:
		return "attached, but not reading: nobody is subscribed"
	}
	reading := 0
	for _, source := range s.Sources {
		if source.Reading {
			reading++
		}
	}
	switch {
	case reading == 0 || s.Reader == nil:
		return "attached, but reading failed; it is tried again, see the log"
	case !onlyEventsMap(s):
		return fmt.Sprintf("reading %d of %s", reading, counted(len(s.Sources), "source"))
	}
	text := "reading " + ringsText(s)
	if nobody(s) {
		text += ", for the history only"
	}
	if s.Reader.Unknown > 0 {
		text += "; " + counted(s.Reader.Unknown, "unknown record")
	}
	return text
}

// ringsText describes what the events map is.
func ringsText(s *agent.Stats) string {
	if len(s.Sources) == 1 && s.Sources[0].Kind == "ring buffer" {
		text := fmt.Sprintf("a ring buffer of %d bytes", s.Reader.Npages*s.Reader.Pagesize)
		if s.Sources[0].LossesUnknown {
			text += "; losses in the kernel are unknown"
		}
		return text
	}
	return fmt.Sprintf("%s, %s of %d bytes each", counted(s.Reader.Cpus, "CPU"), counted(s.Reader.Npages, "page"), s.Reader.Pagesize)
}

// onlyOtherSources tells whether sources are attached, and the events map is none of them.
func onlyOtherSources(s *agent.Stats) bool {
	return len(s.Sources) > 0 && !slices.ContainsFunc(s.Sources, func(source agent.SourceStats) bool { return source.Name == agent.EventsMapSource })
}

// onlyEventsMap tells whether there is nothing to say of sources that is not said of the reader.
func onlyEventsMap(s *agent.Stats) bool {
	return len(s.Sources) == 0 || len(s.Sources) == 1 && s.Sources[0].Name == agent.EventsMapSource && s.Sources[0].Error == ""
}

func sourceTable(s *agent.Stats) string {
	rows := []string{"SOURCE\tREADING\tRECORDS\tLOST\tREOPENED\tFAILURES\tERROR"}
	for _, source := range s.Sources {
		reading := "no"
		if source.Reading {
			reading = "yes"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%d\t%s",
			printable(source.Name), reading, source.Records, source.Lost, source.Reopened, source.Failures, printable(source.Error)))
	}
	return table(rows...)
}

func trafficText(t agent.Traffic, now time.Time) string {
	if len(t.Types) == 0 {
		return "0"
	}
	var types []string
	for _, typ := range t.Types {
		types = append(types, fmt.Sprintf("%s %d", typ.Name, typ.Events))
	}
	return fmt.Sprintf("%d (%s), %s, last %s ago", t.Events(), strings.Join(types, ", "), size(t.Bytes()), age(t.Last, now))
}

// lossText has the losses that there always can be, and those that are rare if there are
// any.
func lossText(s *agent.Stats) string {
	text := fmt.Sprintf("%d ring full, %d client behind", s.Lost.Ring(), s.Lost.Behind)
	for _, r := range rare(
		count{s.Lost.StreamBehind, "stream behind"},
		count{s.Lost.QueueFull, "queue full"},
		count{s.Lost.NotEncoded, "not encodable"},
	) {
		text += ", " + r
	}
	return text
}

// suppressedText is empty if the datapath has made all that was wanted.
func suppressedText(all []agent.SuppressedStats) string {
	var limited, aggregated []count
	for _, s := range all {
		limited = append(limited, count{s.RateLimited, printable(s.Name)})
		aggregated = append(aggregated, count{s.Aggregated, printable(s.Name)})
	}
	var texts []string
	if types := rare(limited...); len(types) > 0 {
		texts = append(texts, strings.Join(types, ", ")+" by the rate limit")
	}
	if types := rare(aggregated...); len(types) > 0 {
		texts = append(texts, strings.Join(types, ", ")+" aggregated")
	}
	return strings.Join(texts, "; ")
}

// errorText is empty if there were no errors.
func errorText(s *agent.Stats) string {
	return strings.Join(rare(
		count{s.Lost.CorruptRings, plural(s.Lost.CorruptRings, "corrupt ring")},
		count{s.ReaderFailures, plural(s.ReaderFailures, "reader failure")},
		count{s.WriteErrors, plural(s.WriteErrors, "client") + " that could not be written to"},
		count{s.AcceptErrors, plural(s.AcceptErrors, "connection") + " that could not be accepted"},
		count{s.Refused, plural(s.Refused, "connection") + " refused, there were too many clients"},
	), ", ")
}

type count struct {
	n    uint64
	what string
}

// rare describes the counts that are not 0.
func rare(counts ...count) (texts []string) {
	for _, c := range counts {
		if c.n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return texts
}

// counted returns how many there are of something, which is named in the singular.
func counted[N integer](n N, what string) string { return fmt.Sprintf("%d %s", n, plural(n, what)) }

type integer interface{ int | int64 | uint64 }

func plural[N integer](n N, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

func queueText(s *agent.Stats) string {
	var most uint64
	for _, c := range s.Clients {
		most = max(most, c.Lag)
	}
	return fmt.Sprintf("%s or %s; the client furthest behind has %d to read", counted(s.QueueSize, "event"), size(uint64(s.QueueBytes)), most)
}

func historyText(h *agent.HistoryStats, now time.Time) string {
	switch {
	case h == nil:
		return "none is kept"
	case h.Payloads == 0:
		return fmt.Sprintf("empty; it keeps %s in %s", wants(h.Wants), size(uint64(h.Bytes)))
	default:
		return fmt.Sprintf("%s since %s ago; it keeps %s in %s", counted(h.Payloads, "event"), age(h.Oldest, now), wants(h.Wants), size(uint64(h.Bytes)))
	}
}

// wantedText says what is asked for, and whether the datapath looks at that.
func wantedText(s *agent.Stats) string {
	if s.Wanted == "" {
		return "nothing"
	}
	selective := 0
	for _, source := range s.Sources {
		if source.Selective {
			selective++
		}
	}
	text := printable(s.Wanted)
	switch {
	case text == wants("") || len(s.Sources) == 0:
	case selective == len(s.Sources):
		text += "; the datapath leaves out the rest, as far as it looks at packets"
	case selective > 0:
		text += fmt.Sprintf("; %d of %s leave out the rest", selective, counted(len(s.Sources), "source"))
	default:
		text += "; the datapath makes all, the agent leaves out the rest"
	}
	if s.Unwanted > 0 {
		text += fmt.Sprintf(" (%d so far)", s.Unwanted)
	}
	return text
}

// wants is what somebody wants, empty for everything.
func wants(text string) string {
	if text == "" {
		return "everything"
	}
	return printable(text)
}

// size returns a number of bytes as people read it.
func size(bytes uint64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	value, unit := float64(bytes), 0
	for ; value >= 1000 && unit < len(units)-1; unit++ {
		value /= 1000
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
