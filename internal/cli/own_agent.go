// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/bpf"
)

// ownAgent is an agent in this process, for this command alone, that tells what the kernel drops. With it goes all that it
// needs: its program is not pinned, and its sockets are in a directory that nobody else may look into.
type ownAgent struct {
	agent  *agent.Agent
	stop   func()
	drops  *bpf.KernelDrops
	dir    *ownDirectory
	socket string // of the monitor API

	interrupted context.Context // cancelled by the first signal that ends programs
	interrupt   context.CancelFunc
	signals     chan os.Signal
	closed      chan struct{} // closed by close
	unguarded   chan struct{} // closed when guard has returned
}

// startOwnAgent starts one. What it has to say goes to messages. From then on until close, the first signal that ends programs
// cancels interrupted.
func startOwnAgent(messages io.Writer) (_ *ownAgent, err error) {
	if err := requireToWatchDrops(); err != nil {
		return nil, err
	}
	log := logrus.New()
	log.SetOutput(messages)
	log.SetLevel(logrus.WarnLevel)
	ctx, stop := context.WithCancel(context.Background())
	o := &ownAgent{
		agent:     agent.NewAgent(ctx, agent.WithLogger(log)),
		stop:      stop,
		signals:   make(chan os.Signal, 2),
		closed:    make(chan struct{}),
		unguarded: make(chan struct{}),
	}
	o.interrupted, o.interrupt = context.WithCancel(context.Background())
	signal.Notify(o.signals, endSignals()...)
	o.dir, err = makeOwnDirectory()
	go o.guard()
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("make a directory for the sockets: %w", err)
	}
	o.socket = filepath.Join(o.dir.path, "monitor.sock")
	if o.drops, err = bpf.LoadKernelDrops(bpf.KernelDropsOptions{}); err != nil {
		return nil, err
	}
	if !o.drops.GivesReasons() {
		fmt.Fprintln(messages, "This kernel is older than Linux 5.17: it tells which function dropped a packet, but not why")
	}
	if err = o.drops.AttachTo(o.agent); err != nil {
		return nil, err
	}
	if err = agent.ServeMonitorAPI(o.agent, agent.WithSocketPath(o.socket)); err != nil {
		return nil, err
	}
	return o, agent.ServeSessions(o.agent, agent.WithSocketPath(session.SocketPath(o.socket)))
}

// requireToWatchDrops returns an error if this process lacks capabilities.
func requireToWatchDrops() error {
	caps, err := effectiveCapabilities()
	if err != nil {
		return err
	}
	if missing := caps.missing([]capability{capBPF, capPerfmon}); len(missing) > 0 {
		return fmt.Errorf("to watch what the kernel drops takes root, or CAP_BPF and CAP_PERFMON: this process lacks CAP_%s", strings.Join(missing, " and CAP_"))
	}
	return nil
}

// guard has signals end the process without leaving the sockets: the first one as commands end, the second one at once.
func (o *ownAgent) guard() {
	defer close(o.unguarded)
	defer signal.Stop(o.signals)
	for {
		select {
		case s := <-o.signals:
			if o.interrupted.Err() == nil {
				o.interrupt()
				continue
			}
			if o.dir != nil {
				_ = os.RemoveAll(o.dir.path) // the process ends anyway
			}
			signal.Reset(s)
			_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
		case <-o.closed:
			return
		}
	}
}

// close ends the agent, and leaves nothing of it behind. Signals are as they were before from then on.
func (o *ownAgent) close() error {
	o.stop()
	<-o.agent.Done()
	var errs []error
	if o.drops != nil {
		errs = append(errs, o.drops.Close())
	}
	if o.dir != nil {
		errs = append(errs, o.dir.remove())
	}
	close(o.closed)
	<-o.unguarded
	o.interrupt()
	return errors.Join(errs...)
}
