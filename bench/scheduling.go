// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/clock"
	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/load"
	"github.com/cilium/monitor/testutils"
)

// measureScheduling measures what it costs to have clients run, without an agent: the p99 in nanoseconds of
// the time from just before an event is written to a socket of each to the client's having decoded it.
func measureScheduling(clients int) (p99 float64, err error) {
	const events, pause = 200, time.Millisecond
	path := filepath.Join(filepath.Dir(agentproc.SocketPath), "bare.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, listener.Close()) }()
	process, err := startClients(drain.Arg{Socket: path, Clients: clients, Latency: true, TimeOffset: load.TimeOffset})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, process.Stop()) }()
	conns := make([]net.Conn, clients)
	for i := range conns {
		if conns[i], err = listener.Accept(); err != nil {
			return 0, err
		}
		defer conns[i].Close()
		if _, err := conns[i].Write(payload.AppendTypeInfo(nil)); err != nil {
			return 0, err
		}
	}
	for range events {
		time.Sleep(pause)
		msg, data := payload.AppendSample(nil, testutils.TraceLen, 0)
		binary.NativeEndian.PutUint64(data[load.TimeOffset:], uint64(clock.Monotonic()))
		for _, conn := range conns {
			if _, err := conn.Write(msg); err != nil {
				return 0, err
			}
		}
	}
	time.Sleep(10 * pause)
	var report drain.Report
	if err := process.Call("report", nil, &report); err != nil {
		return 0, err
	}
	if n := sum(report); n != uint64(events*clients) {
		return 0, fmt.Errorf("%d of %d events arrived: %v", n, events*clients, report.Errors)
	}
	return float64(report.Latency.Quantile(.99)), nil
}
