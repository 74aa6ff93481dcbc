// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"errors"
	"maps"
	"slices"

	"github.com/cilium/monitor/api"
)

// Vocabulary returns the names that this process has for message types, drop reasons and source
// files.
func Vocabulary() Names {
	return Names{
		MessageTypes: maps.Collect(api.MessageTypes()),
		DropReasons:  maps.Collect(api.DropReasons()),
		SourceFiles:  maps.Collect(api.DropFiles()),
	}
}

// Register makes the names for message types, drop reasons and source files known to all of the process, until
// unregister is called. Names that can't be are left out, and are the error: those of
// [api.RegisterMessageType], [api.RegisterDropReason] and [api.RegisterSourceFile], joined.
func (n *Names) Register() (unregister func(), err error) {
	known := Vocabulary()
	var undo []func()
	var errs []error
	register := func(names, known map[uint8]string, register func(number uint8, name string) (func(), error)) {
		for _, number := range slices.Sorted(maps.Keys(names)) {
			if names[number] == known[number] {
				continue
			}
			if unregister, err := register(number, names[number]); err != nil {
				errs = append(errs, err)
			} else {
				undo = append(undo, unregister)
			}
		}
	}
	register(n.MessageTypes, known.MessageTypes, func(number uint8, name string) (func(), error) {
		return api.RegisterMessageType(int(number), name)
	})
	register(n.DropReasons, known.DropReasons, api.RegisterDropReason)
	register(n.SourceFiles, known.SourceFiles, api.RegisterSourceFile)
	return func() {
		for _, f := range undo {
			f()
		}
	}, errors.Join(errs...)
}
