// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"log/slog"
	"os"
	"strings"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/internal/inert"
)

const flagDebug = "debug"

// timeFormat has a space in it, so that both loggers put quotes around it.
const timeFormat = "2006-01-02 15:04:05Z07:00"

// logConfig is the configuration of the agent's log.
type logConfig struct {
	Debug bool
}

// Flags implements cell.Flagger.
func (def logConfig) Flags(flags *pflag.FlagSet) {
	flags.Bool(flagDebug, def.Debug, "Log more: clients that come and go, what is started and stopped")
}

// newLogger returns the logger of the monitor.
func newLogger(cfg logConfig) logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(inert.Writer(os.Stderr))
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, TimestampFormat: timeFormat})
	if cfg.Debug {
		log.SetLevel(logrus.DebugLevel)
	}
	return log
}

// newSlogger returns a logger whose lines look like those of newLogger.
func newSlogger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(inert.Writer(os.Stderr), &slog.HandlerOptions{Level: level, ReplaceAttr: logrusStyle}))
}

// newRootLogger returns the logger of the cells that log to slog. The logger given to hive
// itself is another one, see runAgent.
func newRootLogger(cfg logConfig) cell.RootLogger {
	if cfg.Debug {
		return newSlogger(slog.LevelDebug)
	}
	return newSlogger(slog.LevelInfo)
}

func logrusStyle(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey:
		return slog.String(a.Key, a.Value.Time().Format(timeFormat))
	case slog.LevelKey:
		return slog.String(a.Key, strings.ToLower(a.Value.String()))
	}
	return a
}
