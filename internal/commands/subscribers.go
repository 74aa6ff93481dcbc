// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"fmt"
	"slices"
	"time"

	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/inert"
)

func subscribers(a *agent.Agent) script.Cmd {
	usage := script.CmdUsage{
		Summary: "Show who gets the monitor's events, and who is losing some",
		Flags:   addOutputFlag,
		Detail: []string{
			"DELIVERED, LOST and LAG are events: that the subscriber got, that it was told it lost since it was too slow, and that wait for it to read them. Consumers, listeners and streams are inside the process; what a listener drops by itself is not known here. Clients are connections to the monitor API.",
			"WANTS is what a subscriber asked for; there is no such column if all want everything.",
			"TIME/EVENT is how long a consumer or listener took of late for an event, during which nobody gets the next one; there is no such column without one of them.",
		},
	}
	return Command(usage, 0, 0, func(s *script.State, _ []string) (string, error) {
		stats := a.Stats()
		if wantsJSON(s.Flags) {
			return toJSON(struct {
				Consumers []agent.CallStats   `json:"consumers"`
				Listeners []agent.CallStats   `json:"listeners"`
				Streams   []agent.StreamStats `json:"streams"`
				Clients   []agent.ClientStats `json:"clients"`
			}{stats.Consumers, stats.Listeners, stats.Streams, stats.Clients})
		}
		switch {
		case nobody(&stats) && stats.History != nil:
			return "Nobody is subscribed but the history.\n", nil
		case nobody(&stats):
			return "Nobody is subscribed.\n", nil
		}
		return subscriberTable(&stats, time.Now()), nil
	})
}

func nobody(s *agent.Stats) bool {
	return len(s.Consumers)+len(s.Listeners)+len(s.Streams)+len(s.Clients) == 0
}

func subscriberTable(s *agent.Stats, now time.Time) string {
	rows := []string{"KIND\tNAME\tVERSION\tPID\tUID\tAGE\tDELIVERED\tLOST\tLAG"}
	for _, c := range s.Consumers {
		rows = append(rows, calledRow("consumer", &c, now))
	}
	for _, l := range s.Listeners {
		rows = append(rows, calledRow("listener", &l, now))
	}
	for _, st := range s.Streams {
		rows = append(rows, fmt.Sprintf("stream\t%s\t-\t-\t-\t%s\t%d\t%d\t%d", printable(st.Name), age(st.Since, now), st.Delivered, st.Lost, st.Lag))
	}
	for _, c := range s.Clients {
		rows = append(rows, fmt.Sprintf("client\t%s\t%s\t%d\t%d\t%s\t%d\t%d\t%d",
			printable(c.Name), c.Version, c.PID, c.UID, age(c.Since, now), c.Delivered, c.Lost, c.Lag))
	}
	return table(withWants(withTimes(rows, s), s)...)
}

// withTimes adds how long subscribers take for an event to the rows of the table, if there is one of which that is known.
func withTimes(rows []string, s *agent.Stats) []string {
	called := slices.Concat(s.Consumers, s.Listeners)
	if len(called) == 0 {
		return rows
	}
	rows[0] += "\tTIME/EVENT"
	for i := range rows[1:] {
		text := "-"
		if i < len(called) {
			text = timeText(&called[i])
		}
		rows[1+i] += "\t" + text
	}
	return rows
}

// withWants adds what each subscriber asked for to the rows of the table, unless all of them want everything.
func withWants(rows []string, s *agent.Stats) []string {
	asked := []string{"WANTS"}
	for _, c := range slices.Concat(s.Consumers, s.Listeners) {
		asked = append(asked, wants(c.Wants))
	}
	for _, st := range s.Streams {
		asked = append(asked, wants(st.Wants))
	}
	for _, c := range s.Clients {
		asked = append(asked, wants(c.Wants))
	}
	if !slices.ContainsFunc(asked[1:], func(text string) bool { return text != wants("") }) {
		return rows
	}
	for i := range rows {
		rows[i] += "\t" + asked[i]
	}
	return rows
}

// calledRow is the row of a consumer or listener. Only one with a queue of its own can lose events.
func calledRow(kind string, c *agent.CallStats, now time.Time) string {
	delivered, lost, lag := c.Delivered, "-", "-"
	if c.Queue != nil {
		delivered, lost, lag = c.Queue.Delivered, fmt.Sprint(c.Queue.Lost), fmt.Sprint(c.Queue.Lag)
	}
	return fmt.Sprintf("%s\t%s\t%s\t-\t-\t%s\t%d\t%s\t%s",
		kind, printable(c.Name), printable(string(c.Version)), age(c.Since, now), delivered, lost, lag)
}

// timeText says how long a consumer or listener takes for an event.
func timeText(c *agent.CallStats) string {
	switch {
	case c.Running >= time.Second:
		return fmt.Sprintf("busy for %v", c.Running.Truncate(time.Second))
	case c.Calls > 0:
		return roughly(c.PerEvent).String()
	default:
		return "-"
	}
}

// roughly rounds a duration as people read it.
func roughly(d time.Duration) time.Duration {
	for unit := time.Second; unit > 1; unit /= 1000 {
		if d >= unit {
			return d.Round(unit / 10)
		}
	}
	return d
}

// removedTable shows who was removed since something was wrong.
func removedTable(s *agent.Stats, now time.Time) string {
	rows := []string{"REMOVED\tNAME\tAGO\tDELIVERED\tMISSED\tREASON"}
	for _, r := range s.Removed {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%d\t%d\t%s",
			r.Kind, printable(r.Name), age(r.Removed, now), r.Delivered, r.Missed, printable(r.Reason)))
	}
	return table(rows...)
}

// age returns how long ago something was, in whole seconds.
func age(since, now time.Time) time.Duration { return now.Sub(since).Truncate(time.Second) }

// printable returns a text as a cell of the table has it. A process can give itself any name.
func printable(text string) string {
	if text == "" {
		return "-"
	}
	return inert.String(text)
}
