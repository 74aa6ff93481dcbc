// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"sync"

	"github.com/cilium/monitor/bench/internal/control"
)

// caller is another process, which any goroutine may call.
type caller struct {
	mu      sync.Mutex
	process *control.Process // guarded by mu
}

// start runs this program in another role.
func start(role string) (*caller, error) {
	p, err := control.Start(exec.Command("/proc/self/exe", role))
	if err != nil {
		return nil, err
	}
	c := &caller{process: p}
	return c, c.call("ping", nil, nil)
}

func (c *caller) call(op string, arg, result any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process.Call(op, arg, result)
}

func (c *caller) stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process.Stop()
}
