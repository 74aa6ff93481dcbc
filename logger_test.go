// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
)

// failing is a datapath that fails.
var failing = cell.Provide(func() monitor.DatapathReady {
	return func(context.Context) error { return errors.New("no such device") }
})

// TestLogToHive has no logrus logger in the graph: what the monitor logs comes to hive's.
func TestLogToHive(t *testing.T) {
	h := newHive(t, failing)
	h.start()
	h.eventuallyLogs(
		`level=INFO msg="Serving the monitor API 1.2" module=monitor-agent path=`+h.socket+` subsys=monitor-agent`,
		`level=ERROR msg="The datapath failed: the monitor has agent events only" module=monitor-agent error="no such device" subsys=monitor-agent`,
	)
	h.stop()
	require.NotContains(t, h.logged.String(), "A client connected", "debug logs are for hive's logger to leave out")
}

// TestLogToHiveDebug has a logger that wants to know everything.
func TestLogToHiveDebug(t *testing.T) {
	h := newHive(t)
	h.log = slog.New(slog.NewTextHandler(&h.logged, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	h.start()
	h.connect()
	h.eventuallyLogs(`msg="A client connected to the monitor API" module=monitor-agent pid=`)
	require.Regexp(t, `level=DEBUG source=\S+/agent/server\.go:\d+ msg="A client connected`, h.logged.String())
}

// TestLogToLogrus has a logrus logger in the graph: the monitor logs to that one only.
func TestLogToLogrus(t *testing.T) {
	logger, logged := test.NewNullLogger()
	h := newHive(t, failing, cell.Provide(func() logrus.FieldLogger { return logger }))
	h.start()
	find := func(message string) *logrus.Entry {
		for _, e := range logged.AllEntries() {
			if e.Message == message {
				return e
			}
		}
		return nil
	}
	const served, failed = "Serving the monitor API 1.2", "The datapath failed: the monitor has agent events only"
	require.Eventually(t, func() bool { return find(failed) != nil }, time.Minute, time.Millisecond)
	require.Equal(t, logrus.ErrorLevel, find(failed).Level)
	require.EqualError(t, find(failed).Data["error"].(error), "no such device")
	require.Equal(t, logrus.InfoLevel, find(served).Level)
	require.Equal(t, h.socket, find(served).Data["path"])
	for _, e := range logged.AllEntries() {
		require.Equal(t, "monitor-agent", e.Data["subsys"], e.Message)
	}
	require.NotContains(t, h.logged.String(), served)
}
