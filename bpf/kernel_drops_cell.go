// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/health"
	"github.com/cilium/monitor/metrics"
)

// KernelDropsCell has the agent tell what the kernel drops, if --kernel-drops says so, from start to stop: a source
// of events beside any datapath, and metrics. It takes *agent.Agent from the graph, and a prometheus.Registerer if there is one.
var KernelDropsCell = cell.Module(
	"kernel-drops",
	"Packets that the kernel drops",

	cell.Config(KernelDropsConfig{}),
	cell.Invoke(runKernelDrops),
)

const (
	flagKernelDrops    = "kernel-drops"
	flagKernelDropsAll = "kernel-drops-all"
)

// KernelDropsConfig is the configuration of [KernelDropsCell].
type KernelDropsConfig struct {
	// KernelDrops is whether to tell what the kernel drops.
	KernelDrops bool

	// KernelDropsAll is whether to tell also what is no loss to anybody, see [KernelDropsOptions].
	KernelDropsAll bool
}

// Flags implements cell.Flagger.
func (def KernelDropsConfig) Flags(flags *pflag.FlagSet) {
	flags.Bool(flagKernelDrops, def.KernelDrops,
		"Tell each packet that the kernel drops, on any device and in any network namespace: why, and which function did it; with or without a datapath")
	flags.Bool(flagKernelDropsAll, def.KernelDropsAll,
		"Tell also what --"+flagKernelDrops+" only counts, since it is no loss to anybody: what was left in queues that were closed (SOCKET_CLOSE, QUEUE_PURGE), "+
			"multicast that nobody here asked for, and what sockets of this machine send to each other, Unix's and Netlink's")
}

// validate refuses what can't work.
func (cfg KernelDropsConfig) validate() error {
	if cfg.KernelDropsAll && !cfg.KernelDrops {
		return fmt.Errorf("--%s needs --%s", flagKernelDropsAll, flagKernelDrops)
	}
	return nil
}

type kernelDropsParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Log       *slog.Logger
	Health    cell.Health `optional:"true"`
	Config    KernelDropsConfig
	Agent     *agent.Agent

	Registerer prometheus.Registerer `optional:"true"`
}

func runKernelDrops(p kernelDropsParams) error {
	if err := p.Config.validate(); err != nil {
		return err
	}
	if p.Config.KernelDrops {
		p.Lifecycle.Append(&kernelDropsRunner{params: p, health: health.OrNone(p.Health).NewScope("program")})
	}
	return nil
}

// kernelDropsRunner watches what the kernel drops from each start of the hive to its stop.
type kernelDropsRunner struct {
	params    kernelDropsParams
	health    cell.Health
	drops     *KernelDrops
	collector prometheus.Collector // nil if it is not registered
}

// Start implements cell.HookInterface.
func (r *kernelDropsRunner) Start(cell.HookContext) error {
	if err := r.start(); err != nil {
		r.health.Degraded("What the kernel drops is not watched", err)
		return errors.Join(err, r.end())
	}
	text := "Watching what the kernel drops"
	if !r.drops.GivesReasons() {
		text += ", by function: this kernel is older than Linux 5.17, and gives no reasons"
	}
	r.params.Log.Info(text)
	r.health.OK(text)
	return nil
}

func (r *kernelDropsRunner) start() (err error) {
	if r.drops, err = LoadKernelDrops(KernelDropsOptions{All: r.params.Config.KernelDropsAll}); err != nil {
		return err
	}
	if r.params.Registerer != nil {
		collector := metrics.NewKernelDropsCollector(r.drops)
		if err := r.params.Registerer.Register(collector); err != nil {
			return fmt.Errorf("register the metrics of what the kernel drops: %w", err)
		}
		r.collector = collector
	}
	return r.drops.AttachTo(r.params.Agent)
}

// Stop implements cell.HookInterface.
func (r *kernelDropsRunner) Stop(ctx cell.HookContext) error {
	err := r.params.Agent.Detach(ctx, KernelDropsSource)
	r.health.Stopped("Not watching what the kernel drops any more")
	return errors.Join(err, r.end())
}

// end undoes what start did but for the attachment.
func (r *kernelDropsRunner) end() error {
	if r.collector != nil {
		r.params.Registerer.Unregister(r.collector)
		r.collector = nil
	}
	if r.drops == nil {
		return nil
	}
	return r.drops.Close()
}
