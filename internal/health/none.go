// SPDX-License-Identifier: Apache-2.0

// Package health has the reporter of health for those that nobody gave one.
package health

import "github.com/cilium/hive/cell"

// OrNone returns h, or a Health that does nothing if h is nil.
func OrNone(h cell.Health) cell.Health {
	if h == nil {
		return none{}
	}
	return h
}

type none struct{}

func (none) OK(string)                   {}
func (none) Stopped(string)              {}
func (none) Degraded(string, error)      {}
func (none) NewScope(string) cell.Health { return none{} }
func (none) Close()                      {}
