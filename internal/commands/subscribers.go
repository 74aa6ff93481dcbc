// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"fmt"
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
		if nobody(&stats) {
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
		rows = append(rows, fmt.Sprintf("consumer\t%s\t-\t-\t-\t%s\t%d\t-\t-", printable(c.Name), age(c.Since, now), c.Delivered))
	}
	for _, l := range s.Listeners {
		rows = append(rows, fmt.Sprintf("listener\t%s\t%s\t-\t-\t%s\t%d\t-\t-", printable(l.Name), l.Version, age(l.Since, now), l.Delivered))
	}
	for _, st := range s.Streams {
		rows = append(rows, fmt.Sprintf("stream\t%s\t-\t-\t-\t%s\t%d\t%d\t%d", printable(st.Name), age(st.Since, now), st.Delivered, st.Lost, st.Lag))
	}
	for _, c := range s.Clients {
		rows = append(rows, fmt.Sprintf("client\t%s\t%s\t%d\t%d\t%s\t%d\t%d\t%d",
			printable(c.Name), c.Version, c.PID, c.UID, age(c.Since, now), c.Delivered, c.Lost, c.Lag))
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
