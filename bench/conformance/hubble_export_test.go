// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	hubbleapi "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/exporter"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/hubble/flow"
)

// TestHubbleExport writes the flows of all samples to files, as Cilium's exporter does: the files are the same, byte for byte.
func TestHubbleExport(t *testing.T) {
	decoder := flow.NewDecoder(flow.Options{NodeName: "east/node-1"})
	var flows []*flowpb.Flow
	for _, e := range events(t) {
		message, err := decoder.Decode(agent.Event{Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Payload: e.payload})
		require.NoError(t, err, e.name)
		if f, ok := message.(*flowpb.Flow); ok {
			flows = append(flows, f)
		}
	}
	require.Greater(t, len(flows), 100)
	for _, fields := range [][]string{
		nil,
		{"time", "node_name", "verdict", "drop_reason_desc", "IP", "l4", "source.identity", "destination.labels", "event_type.type"},
	} {
		ours, cilium := filepath.Join(t.TempDir(), "flows.json"), filepath.Join(t.TempDir(), "flows.json")
		file, err := export.OpenFile(export.FileOptions{Path: ours, Fields: fields, Log: logrus.New()})
		require.NoError(t, err)
		theirs, err := exporter.NewExporter(slog.New(slog.DiscardHandler), exporter.WithFieldMask(fields),
			exporter.WithNewWriterFunc(exporter.FileWriter(exporter.FileWriterConfig{Filename: cilium})))
		require.NoError(t, err)
		for _, f := range flows {
			require.NoError(t, theirs.Export(t.Context(), &hubbleapi.Event{Timestamp: f.GetTime(), Event: f}))
			file.Export(t.Context(), &observerpb.ExportEvent{ResponseTypes: &observerpb.ExportEvent_Flow{Flow: proto.CloneOf(f)}})
		}
		require.NoError(t, theirs.Stop())
		require.NoError(t, file.Close())
		want, err := os.ReadFile(cilium)
		require.NoError(t, err)
		got, err := os.ReadFile(ours)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
		require.NotEmpty(t, got)
	}
}
