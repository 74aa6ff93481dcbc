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
// in filters, and removed when the hive has stopped; a hive that is never started, or fails to
// start before the monitor's turn, keeps it. What cannot be registered is an error of the
// construction. It is for all of the process: several hives may provide the same, which for a type
// is the same pointer.
type VocabularyOut struct {
	cell.Out

	Vocabulary format.Vocabulary `group:"monitor-vocabularies"`
}

// vocabularies are what is registered for a hive.
type vocabularies struct{ unregister []func() }

// newVocabularies is to be called before anything else appends hooks: its own removes what is
// registered also if one of theirs fails to start.
func newVocabularies(lc cell.Lifecycle) *vocabularies {
	v := new(vocabularies)
	lc.Append(cell.Hook{OnStop: func(cell.HookContext) error {
		v.end()
		return nil
	}})
	return v
}

func (v *vocabularies) end() {
	for _, f := range v.unregister {
		f()
	}
}

type vocabularyParams struct {
	cell.In

	Registered   *vocabularies
	Vocabularies []format.Vocabulary `group:"monitor-vocabularies"`
}

// registerVocabularies registers what cells contribute.
func registerVocabularies(p vocabularyParams) error {
	for _, v := range p.Vocabularies {
		f, err := v.Register()
		if err != nil {
			p.Registered.end()
			return fmt.Errorf("register the vocabulary of a cell: %w", err)
		}
		p.Registered.unregister = append(p.Registered.unregister, f)
	}
	return nil
}
