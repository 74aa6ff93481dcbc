// SPDX-License-Identifier: Apache-2.0

package export

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/hubble/flow"
	"github.com/cilium/monitor/hubble/internal/fieldmask"
	"github.com/cilium/monitor/internal/hivelog"
)

// Names of the flags, which are those of Cilium's agent.
const (
	flagPath       = "hubble-export-file-path"
	flagMaxSize    = "hubble-export-file-max-size-mb"
	flagMaxBackups = "hubble-export-file-max-backups"
	flagCompress   = "hubble-export-file-compress"
	flagAllowlist  = "hubble-export-allowlist"
	flagDenylist   = "hubble-export-denylist"
	flagFieldmask  = "hubble-export-fieldmask"
)

// Flags are the names of the flags, in the order of a help.
var Flags = []string{flagPath, flagMaxSize, flagMaxBackups, flagCompress, flagAllowlist, flagDenylist, flagFieldmask}

// Cell exports flows to a file if it is told which, as long as the hive runs. It takes the agent, and the decoder of
// hubble.Cell.
var Cell = cell.Module(
	"hubble-export",
	"Writes flows to a file",

	cell.Config(defaultConfig),
	cell.Invoke(exportToFile),
)

// Config is the configuration of [Cell]. Every field is a flag, an environment variable and a key of the configuration file,
// by hive's rules.
type Config struct {
	// HubbleExportFilePath is the file; none if empty. [Stdout] is standard output.
	HubbleExportFilePath string

	// HubbleExportFileMaxSizeMb is how many MiB it may have until another one begins, HubbleExportFileMaxBackups how many
	// older ones are kept, HubbleExportFileCompress whether these are compressed.
	HubbleExportFileMaxSizeMb  int
	HubbleExportFileMaxBackups int
	HubbleExportFileCompress   bool

	// HubbleExportAllowlist and HubbleExportDenylist are the lists of [NewFilter].
	HubbleExportAllowlist string
	HubbleExportDenylist  string

	// HubbleExportFieldmask are the fields of flows that are written; none are all.
	HubbleExportFieldmask []string
}

// What Cilium's agent does by default.
var defaultConfig = Config{HubbleExportFileMaxSizeMb: 10, HubbleExportFileMaxBackups: 5}

// Flags implements cell.Flagger.
func (def Config) Flags(flags *pflag.FlagSet) {
	flags.String(flagPath, def.HubbleExportFilePath,
		"`FILE` to write flows to, as lines of JSON; "+Stdout+": standard output")
	flags.Int(flagMaxSize, def.HubbleExportFileMaxSizeMb,
		"MiB that it may have until another file begins, at least 1")
	flags.Int(flagMaxBackups, def.HubbleExportFileMaxBackups,
		"Older files to keep, at least 1")
	flags.Bool(flagCompress, def.HubbleExportFileCompress,
		"Compress them")
	flags.String(flagAllowlist, def.HubbleExportAllowlist,
		"Flows to write, as `FILTERS` of Hubble's API in JSON, such as '{\"verdict\":[\"DROPPED\"]}'; {}: all flows (default drops and policy verdicts)")
	flags.String(flagDenylist, def.HubbleExportDenylist,
		"Flows of these not to write, as `FILTERS`, too")
	flags.StringSlice(flagFieldmask, def.HubbleExportFieldmask,
		"`FIELDS` of flows to write, such as time,verdict,source.pod_name (default all)")
}

func (cfg Config) validate() error {
	if path := cfg.HubbleExportFilePath; path != Stdout && !filepath.IsAbs(path) {
		return fmt.Errorf("--%s=%q is not an absolute path, and not %s", flagPath, path, Stdout)
	}
	if n := cfg.HubbleExportFileMaxSizeMb; n < 1 {
		return fmt.Errorf("--%s=%d is out of range, allowed are 1 and more", flagMaxSize, n)
	}
	if n := cfg.HubbleExportFileMaxBackups; n < 1 {
		return fmt.Errorf("--%s=%d is out of range, allowed are 1 and more", flagMaxBackups, n)
	}
	if _, err := fieldmask.New(cfg.HubbleExportFieldmask); err != nil {
		return fmt.Errorf("--%s: %w", flagFieldmask, err)
	}
	return nil
}

type params struct {
	cell.In

	Lifecycle  cell.Lifecycle
	Config     Config
	Agent      *agent.Agent
	Decoder    *flow.Decoder
	Logrus     logrus.FieldLogger `optional:"true"`
	Slog       *slog.Logger
	Registerer prometheus.Registerer `optional:"true"`
}

// exportToFile has flows exported to a file if there is to be one.
func exportToFile(p params) error {
	if p.Config.HubbleExportFilePath == "" {
		return nil
	}
	if err := p.Config.validate(); err != nil {
		return err
	}
	wanted, err := NewFilter(p.Config.HubbleExportAllowlist, p.Config.HubbleExportDenylist)
	if err != nil {
		return fmt.Errorf("--%s, --%s: %w", flagAllowlist, flagDenylist, err)
	}
	const name = "hubble-export"
	var file *File
	var exporter *Exporter
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) (err error) {
			file, err = OpenFile(FileOptions{
				Path:       p.Config.HubbleExportFilePath,
				MaxSizeMB:  p.Config.HubbleExportFileMaxSizeMb,
				MaxBackups: p.Config.HubbleExportFileMaxBackups,
				Compress:   p.Config.HubbleExportFileCompress,
				Fields:     p.Config.HubbleExportFieldmask,
				NodeName:   p.Decoder.NodeName(),
				Log:        hivelog.New(p.Logrus, p.Slog, name),
			})
			if err != nil {
				return err
			}
			exporter, err = Start(Options{Name: name, Agent: p.Agent, Decoder: p.Decoder, Filter: wanted, NodeName: p.Decoder.NodeName()}, file)
			if err != nil {
				return errors.Join(err, file.Close())
			}
			return nil
		},
		OnStop: func(ctx cell.HookContext) error {
			return errors.Join(exporter.Stop(ctx), file.Close())
		},
	})
	if p.Registerer != nil {
		p.Lifecycle.Append(Metrics(p.Registerer, name, func() Stats { return exporter.Stats() }))
	}
	return nil
}
