// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/session"
)

// BenchmarkClientsOfPackets has 100,000 traces a second of 1,000 ports, which the source makes whatever is wanted: one client that takes
// all of them, and 16 that take those of one port each. What it tells is the CPU time of the process, which has the clients in it.
func BenchmarkClientsOfPackets(b *testing.B) {
	const ports, every = 1000, 5 * time.Millisecond
	records := make([]source.Record, 0, ports)
	for port := range uint16(ports) {
		records = append(records, source.Record{Kind: source.Sample, Head: []byte(datagram(10_000 + port))})
	}
	for _, bc := range []struct {
		name     string
		requests []*session.Request
	}{
		{"all=1", []*session.Request{{}}},
		{"port=16", func() (all []*session.Request) {
			for i := range uint16(16) {
				all = append(all, &session.Request{Packets: portRule(10_000 + i*50)})
			}
			return all
		}()},
	} {
		b.Run(bc.name, func(b *testing.B) {
			f := start(b, agent.WithQueueSize(1<<16))
			src := &fakeSource{}
			require.NoError(b, f.AttachSource("fake", src))
			serveSessions(b, f)
			var clients sync.WaitGroup
			var conns []net.Conn
			for _, request := range bc.requests {
				conn, err := net.Dial("unix", session.SocketPath(f.socket))
				require.NoError(b, err)
				frame, err := session.AppendRequest(nil, request)
				require.NoError(b, err)
				_, err = conn.Write(frame)
				require.NoError(b, err)
				_, err = session.NewReader(conn).ReadGreeting()
				require.NoError(b, err)
				conns = append(conns, conn)
				clients.Go(func() {
					buf := make([]byte, 64<<10)
					for {
						if _, err := conn.Read(buf); err != nil {
							return
						}
					}
				})
			}
			tick := time.NewTicker(every)
			defer tick.Stop()
			before, events := cpuTime(b), 0
			for b.Loop() {
				<-tick.C
				half := records[events%ports:][:ports/2]
				src.mu.Lock()
				src.open.records = append(src.open.records, half...)
				require.NoError(b, src.open.Wake())
				src.mu.Unlock()
				events += len(half)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(events), "cpu-ns/event")
			for _, conn := range conns {
				conn.Close()
			}
			clients.Wait()
		})
	}
}

// cpuTime returns how long the process has used CPUs.
func cpuTime(t testing.TB) time.Duration {
	var usage unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
