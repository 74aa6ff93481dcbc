// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	dir    string
	socket string // of the monitor API
}

// startOwnAgent starts one. What it has to say goes to messages.
func startOwnAgent(messages io.Writer) (o *ownAgent, err error) {
	log := logrus.New()
	log.SetOutput(messages)
	log.SetLevel(logrus.WarnLevel)
	ctx, stop := context.WithCancel(context.Background())
	o = &ownAgent{agent: agent.NewAgent(ctx, agent.WithLogger(log)), stop: stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if o.dir, err = os.MkdirTemp("", "monitor-drops-"); err != nil {
		return nil, err
	}
	o.socket = filepath.Join(o.dir, "monitor.sock")
	if o.drops, err = bpf.LoadKernelDrops(bpf.KernelDropsOptions{}); err != nil {
		return nil, fmt.Errorf("watch what the kernel drops: %w", err)
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

// close ends the agent, and leaves nothing of it behind.
func (o *ownAgent) close() error {
	o.stop()
	<-o.agent.Done()
	var errs []error
	if o.drops != nil {
		errs = append(errs, o.drops.Close())
	}
	if o.dir != "" {
		errs = append(errs, os.RemoveAll(o.dir))
	}
	return errors.Join(errs...)
}
