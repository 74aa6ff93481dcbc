// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"

	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor/internal/inert"
)

// inertHealth makes what is reported one line of the output of health, which prints it as it is.
type inertHealth struct{ cell.Health }

// OK implements cell.Health.
func (h inertHealth) OK(status string) { h.Health.OK(inert.String(status)) }

// Stopped implements cell.Health.
func (h inertHealth) Stopped(reason string) { h.Health.Stopped(inert.String(reason)) }

// Degraded implements cell.Health.
func (h inertHealth) Degraded(reason string, err error) {
	if err != nil {
		err = errors.New(inert.String(err.Error()))
	}
	h.Health.Degraded(inert.String(reason), err)
}

// NewScope implements cell.Health.
func (h inertHealth) NewScope(name string) cell.Health {
	return inertHealth{h.Health.NewScope(inert.String(name))}
}
