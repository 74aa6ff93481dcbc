// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/agent"
)

// statusCommand shows what the agent reads and who listens.
func statusCommand(a *agent.Agent) script.Cmd {
	return script.Command(
		script.CmdUsage{
			Summary: "Show what the monitor reads, who listens, and who is losing events",
		},
		func(_ *script.State, args ...string) (script.WaitFunc, error) {
			if len(args) > 0 {
				return nil, script.ErrUsage
			}
			return func(*script.State) (stdout, stderr string, err error) {
				var out strings.Builder
				err = writeStatus(&out, a.Stats(), time.Now())
				return out.String(), "", err
			}, nil
		},
	)
}

func writeStatus(w io.Writer, s agent.Stats, now time.Time) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "Events map:\t%s\n", s.EventsMap)
	switch {
	case !s.Attached:
		fmt.Fprintf(tw, "Reader:\tnot attached, agent events only\n")
	case s.Reader == nil && s.Consumers+s.Listeners+len(s.Clients) > 0:
		fmt.Fprintf(tw, "Reader:\tattached, but reading failed; it is tried again, see the log\n")
	case s.Reader == nil:
		fmt.Fprintf(tw, "Reader:\tattached, but not reading: nobody is subscribed\n")
	default:
		r := s.Reader
		fmt.Fprintf(tw, "Reader:\treading %d CPUs, %d pages of %d bytes each\n", r.Cpus, r.Npages, r.Pagesize)
		fmt.Fprintf(tw, "Datapath lost:\t%d\n", r.Lost)
		fmt.Fprintf(tw, "Unknown records:\t%d\n", r.Unknown)
	}
	fmt.Fprintf(tw, "Events encoded:\t%d\n", s.Accepted)
	fmt.Fprintf(tw, "Subscribers:\t%d consumers, %d listeners, %d clients\n", s.Consumers, s.Listeners, len(s.Clients))
	if len(s.Clients) > 0 {
		fmt.Fprintf(tw, "\nPID\tUID\tAGE\tDELIVERED\tLOST\tLAG\n")
	}
	for _, c := range s.Clients {
		fmt.Fprintf(tw, "%d\t%d\t%s\t%d\t%d\t%d\n", c.PID, c.UID, now.Sub(c.Since).Truncate(time.Second), c.Delivered, c.Lost, c.Lag)
	}
	return tw.Flush()
}
