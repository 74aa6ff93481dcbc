// SPDX-License-Identifier: Apache-2.0

package commands_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
)

// broken is a source of events that cannot be opened.
type broken struct{ name string }

func (broken) Open() (source.Rings, error) { return nil, errors.New("broken") }
func (broken) Close() error                { return nil }

// TestStatusOfOtherSources says nothing of the events map in a program that has other sources.
func TestStatusOfOtherSources(t *testing.T) {
	s := typed(t, "monitor/watch --count 1")
	s.send("one")
	s.requireEnd()
	s.agent.Subscribe(t.Context(), "exporter")
	text := s.run("monitor/status")
	require.Regexp(t, `(?m)^Events map: `, text, "nothing is attached yet")
	require.Regexp(t, `(?m)^Subscribers: +0 consumers, 0 listeners, 1 stream, 0 clients; 0, 0, 2, 0 ever$`, text)

	require.NoError(t, s.agent.AttachSource("own", broken{"own"}))
	text = s.run("monitor/status")
	require.NotContains(t, text, "Events map:")
	require.Regexp(t, `(?m)^own +no `, text)
}
