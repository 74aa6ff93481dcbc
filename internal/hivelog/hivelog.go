// SPDX-License-Identifier: Apache-2.0

// Package hivelog has the logger of cells: that of the object graph.
package hivelog

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"

	"github.com/sirupsen/logrus"
)

// New returns the logger of a subsystem: the logrus one of the object graph if there is one, else
// one that writes to hive's.
func New(log logrus.FieldLogger, hive *slog.Logger, subsystem string) logrus.FieldLogger {
	if log == nil {
		bridge := logrus.New()
		bridge.SetOutput(io.Discard)
		bridge.SetLevel(logrus.TraceLevel) // hive's logger decides
		bridge.SetReportCaller(true)
		bridge.AddHook(slogHook{hive})
		log = bridge
	}
	return log.WithField("subsys", subsystem)
}

// slogHook passes what is logged with logrus to a slog logger.
type slogHook struct{ log *slog.Logger }

func (h slogHook) Levels() []logrus.Level { return logrus.AllLevels }

func (h slogHook) Fire(e *logrus.Entry) error {
	ctx := e.Context
	if ctx == nil {
		ctx = context.Background()
	}
	level := slogLevel(e.Level)
	if !h.log.Enabled(ctx, level) {
		return nil
	}
	// A record of our own, so that its source is where it was logged, and not here.
	var pc uintptr
	if e.Caller != nil {
		pc = e.Caller.PC + 1 // a record has the address that the call returns to
	}
	record := slog.NewRecord(e.Time, level, e.Message, pc)
	for _, key := range slices.Sorted(maps.Keys(e.Data)) {
		record.AddAttrs(slog.Any(key, e.Data[key]))
	}
	return h.log.Handler().Handle(ctx, record)
}

func slogLevel(level logrus.Level) slog.Level {
	switch level {
	case logrus.TraceLevel, logrus.DebugLevel:
		return slog.LevelDebug
	case logrus.InfoLevel:
		return slog.LevelInfo
	case logrus.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}
