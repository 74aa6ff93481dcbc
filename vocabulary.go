// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"fmt"

	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor/format"
)

// VocabularyOut is what a constructor returns to tell the monitor of message types, drop reasons
// and source files of its own datapath:
//
//	var flowLog = &format.Type{...}
//
//	cell.Provide(func() monitor.VocabularyOut {
//		return monitor.VocabularyOut{Vocabulary: format.Vocabulary{Types: []*format.Type{flowLog}}}
//	})
//
// It is registered when the hive is constructed, so that what starts with it can name its types
// in filters, and removed when the hive has stopped; a hive that is never started keeps it. What
// cannot be registered is an error of the construction. It is for all of the process: several
// hives may provide the same, which for a type is the same pointer.
type VocabularyOut struct {
	cell.Out

	Vocabulary format.Vocabulary `group:"monitor-vocabularies"`
}

type vocabularyParams struct {
	cell.In

	Lifecycle    cell.Lifecycle
	Vocabularies []format.Vocabulary `group:"monitor-vocabularies"`
}

// registerVocabularies registers what cells contribute.
func registerVocabularies(p vocabularyParams) error {
	var unregister []func()
	end := func() {
		for _, f := range unregister {
			f()
		}
	}
	for _, v := range p.Vocabularies {
		f, err := v.Register()
		if err != nil {
			end()
			return fmt.Errorf("register the vocabulary of a cell: %w", err)
		}
		unregister = append(unregister, f)
	}
	p.Lifecycle.Append(cell.Hook{OnStop: func(cell.HookContext) error {
		end()
		return nil
	}})
	return nil
}
