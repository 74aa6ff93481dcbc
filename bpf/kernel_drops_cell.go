// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cilium/hive/cell"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/health"
)

// KernelDropsCell has the agent tell what the kernel drops, if --kernel-drops says so, from start to stop: a source
// of events beside any datapath. It takes *agent.Agent from the graph.
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
			"and what sockets of this machine send to each other, Unix's and Netlink's")
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
}

func runKernelDrops(p kernelDropsParams) error {
	if err := p.Config.validate(); err != nil {
		return err
	}
	if !p.Config.KernelDrops {
		return nil
	}
	scope := health.OrNone(p.Health).NewScope("kernel-drops")
	var drops *KernelDrops
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) (err error) {
			if drops, err = LoadKernelDrops(KernelDropsOptions{All: p.Config.KernelDropsAll}); err == nil {
				if err = drops.AttachTo(p.Agent); err != nil {
					drops.Close()
				}
			}
			if err != nil {
				scope.Degraded("What the kernel drops is not watched", err)
				return err
			}
			text := "Watching what the kernel drops"
			if !drops.GivesReasons() {
				text += ", by function: this kernel is older than Linux 5.17, and gives no reasons"
			}
			p.Log.Info(text)
			scope.OK(text)
			return nil
		},
		OnStop: func(ctx cell.HookContext) error {
			err := p.Agent.Detach(ctx, KernelDropsSource)
			scope.Stopped("Not watching what the kernel drops any more")
			return errors.Join(err, drops.Close())
		},
	})
	return nil
}
