// SPDX-License-Identifier: Apache-2.0

package export_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/hubble/export"
)

// flowEvent is a flow with a number, of about 300 bytes in JSON.
func flowEvent(number int) *observerpb.ExportEvent {
	f := &flowpb.Flow{
		Time: &timestamppb.Timestamp{Seconds: 1767323045, Nanos: int32(number)}, NodeName: "here/node",
		Source: &flowpb.Endpoint{Identity: uint32(number), Labels: []string{"k8s:app=" + strings.Repeat("a", 200)}},
	}
	return &observerpb.ExportEvent{Time: f.Time, NodeName: f.NodeName, ResponseTypes: &observerpb.ExportEvent_Flow{Flow: f}}
}

func openFile(t *testing.T, opts export.FileOptions) *export.File {
	t.Helper()
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	opts.Log, opts.NodeName = quiet, "here/node"
	f, err := export.OpenFile(opts)
	require.NoError(t, err)
	return f
}

// events returns the events of a file, and how many lines are cut.
func events(t *testing.T, path string) (all []*observerpb.ExportEvent, cut int) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	if filepath.Ext(path) == ".gz" {
		unzip, err := gzip.NewReader(bytes.NewReader(text))
		require.NoError(t, err)
		text, err = io.ReadAll(unzip)
		require.NoError(t, err)
	}
	for line := range bytes.Lines(text) {
		ev := new(observerpb.ExportEvent)
		if json.Unmarshal(line, ev) != nil {
			cut++
			continue
		}
		all = append(all, ev)
	}
	return all, cut
}

// TestRotation writes more than a file may have: older ones are compressed, and as many kept as asked for, which together have
// the newest flows.
func TestRotation(t *testing.T) {
	const flows = 20000 // about 6 MiB
	path := filepath.Join(t.TempDir(), "deep", "down", "flows.json")
	f := openFile(t, export.FileOptions{Path: path, MaxSizeMB: 1, MaxBackups: 2, Compress: true})
	for n := range flows {
		f.Export(t.Context(), flowEvent(n))
	}
	require.NoError(t, f.Close())
	require.Equal(t, export.SinkStats{Exported: flows}, f.Stats())

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(1<<20))
	require.Equal(t, os.FileMode(0o600), info.Mode())
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "flows-*.json.gz"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	slices.Sort(files) // by their times
	var got []*observerpb.ExportEvent
	for _, file := range append(files, path) {
		more, cut := events(t, file)
		require.Zero(t, cut)
		got = append(got, more...)
	}
	require.Greater(t, len(got), flows/4)
	for i, ev := range got {
		require.EqualValues(t, flows-len(got)+i, ev.GetFlow().GetSource().GetIdentity())
	}
}

// TestAppend opens a file again.
func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.json")
	for n := range 2 {
		f := openFile(t, export.FileOptions{Path: path})
		f.Export(t.Context(), flowEvent(n))
		require.NoError(t, f.Close())
	}
	got, cut := events(t, path)
	require.Len(t, got, 2)
	require.Zero(t, cut)
}

// TestDiskFull fills a disk: what can't be written is told once there is room again, and counted.
func TestDiskFull(t *testing.T) {
	const each = 1000 // much more than there is room for
	dir := smallDisk(t)
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 32<<10), 0o600))

	path := filepath.Join(dir, "flows.json")
	f := openFile(t, export.FileOptions{Path: path})
	for n := range each {
		f.Export(t.Context(), flowEvent(n))
	}
	f.Export(t.Context(), &observerpb.ExportEvent{ResponseTypes: &observerpb.ExportEvent_LostEvents{
		LostEvents: &flowpb.LostEvent{NumEventsLost: 5},
	}})
	require.NotZero(t, f.Stats().Lost)
	require.EqualValues(t, each, f.Stats().Exported+f.Stats().Lost)
	lost := f.Stats().Lost + 5

	require.NoError(t, os.Remove(ballast))
	f.Export(t.Context(), flowEvent(each))
	require.NoError(t, f.Close())
	got, cut := events(t, path)
	require.LessOrEqual(t, cut, 1)
	require.Len(t, got, int(f.Stats().Exported)+1)
	told := got[len(got)-2]
	require.Equal(t, lost, told.GetLostEvents().GetNumEventsLost())
	require.Equal(t, flowpb.LostEventSource_HUBBLE_RING_BUFFER, told.GetLostEvents().GetSource())
	require.Equal(t, "here/node", told.GetNodeName())
	require.EqualValues(t, each, got[len(got)-1].GetFlow().GetSource().GetIdentity())
}

// smallDisk mounts a file system without room for many flows.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a file system")
	}
	dir = t.TempDir()
	require.NoError(t, unix.Mount("none", dir, "tmpfs", 0, "size=128k"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	return dir
}

// TestCloseTells closes a file on a disk that is full.
func TestCloseTells(t *testing.T) {
	f := openFile(t, export.FileOptions{Path: filepath.Join(smallDisk(t), "flows.json")})
	for n := range 1000 {
		f.Export(t.Context(), flowEvent(n))
	}
	require.NotZero(t, f.Stats().Lost)
	require.ErrorContains(t, f.Close(), fmt.Sprintf("with %d lost at the end", f.Stats().Lost))
}

// TestRemoved has the file, and then its directory, removed, and the file renamed: another one begins.
func TestRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows", "flows.json")
	f := openFile(t, export.FileOptions{Path: path})
	n := 0
	for _, leave := range []func() error{
		func() error { return os.Remove(path) },
		func() error { return os.RemoveAll(filepath.Dir(path)) },
		func() error { return os.Rename(path, path+".1") },
	} {
		f.Export(t.Context(), flowEvent(n))
		require.FileExists(t, path)
		require.NoError(t, leave())
		require.Eventually(t, func() bool {
			n++
			f.Export(t.Context(), flowEvent(n))
			_, err := os.Stat(path)
			return err == nil
		}, time.Minute, time.Millisecond)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
	require.NoError(t, f.Close())
	require.Zero(t, f.Stats().Lost)
	got, cut := events(t, path)
	require.Zero(t, cut)
	require.EqualValues(t, n, got[len(got)-1].GetFlow().GetSource().GetIdentity())
}

// TestLink exports to a symbolic link: what is renamed when it is full is the file.
func TestLink(t *testing.T) {
	target, link := filepath.Join(t.TempDir(), "flows.json"), filepath.Join(t.TempDir(), "link.json")
	require.NoError(t, os.Symlink(target, link))
	f := openFile(t, export.FileOptions{Path: link, MaxSizeMB: 1})
	for n := range 5000 { // more than 1 MiB
		f.Export(t.Context(), flowEvent(n))
	}
	require.NoError(t, f.Close())
	to, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, target, to)
	full, err := filepath.Glob(filepath.Join(filepath.Dir(target), "flows-*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, full)
}

// TestTaken exports to a file that another exporter writes.
func TestTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.json")
	f := openFile(t, export.FileOptions{Path: path})
	_, err := export.OpenFile(export.FileOptions{Path: path})
	require.ErrorContains(t, err, "another program exports to it")
	require.NoError(t, f.Close())
	require.NoError(t, openFile(t, export.FileOptions{Path: path}).Close())
}

// TestNoFile has paths of what is no file: a pipe would wait for its reader, and a device would be renamed.
func TestNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, "/dev/null", t.TempDir()} {
		_, err := export.OpenFile(export.FileOptions{Path: path})
		require.ErrorContains(t, err, "is not a regular file")
	}
}

// TestFields writes some of the fields of a flow.
func TestFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.json")
	f := openFile(t, export.FileOptions{Path: path, Fields: []string{
		"source.identity", "verdict", "l4.TCP.destination_port", "destination", "destination.identity", "source.pod_name",
	}})
	full := &flowpb.Flow{
		Time: timestamppb.Now(), NodeName: "n", Verdict: flowpb.Verdict_DROPPED, Source: &flowpb.Endpoint{ID: 1, Identity: 2, Namespace: "a"},
		Destination: &flowpb.Endpoint{ID: 3, Identity: 4, Labels: []string{"b"}},
	}
	for _, l4 := range []*flowpb.Layer4{
		{Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{SourcePort: 1, DestinationPort: 80}}},
		{Protocol: &flowpb.Layer4_UDP{UDP: &flowpb.UDP{SourcePort: 1, DestinationPort: 53}}},
	} {
		full.L4 = l4
		f.Export(t.Context(), &observerpb.ExportEvent{Time: full.Time, NodeName: "n", ResponseTypes: &observerpb.ExportEvent_Flow{Flow: full}})
	}
	require.NoError(t, f.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, `{"flow":{"verdict":"DROPPED","l4":{"TCP":{"destination_port":80}},"source":{"identity":2},"destination":{"ID":3,"identity":4,"labels":["b"]}}}
{"flow":{"verdict":"DROPPED","l4":{},"source":{"identity":2},"destination":{"ID":3,"identity":4,"labels":["b"]}}}
`, string(text))
	_, err = export.OpenFile(export.FileOptions{Path: path, Fields: []string{"l4.HTTP"}})
	require.ErrorContains(t, err, "l4.HTTP")
	_, err = export.OpenFile(export.FileOptions{Path: "/proc/flows"})
	require.ErrorIs(t, err, os.ErrNotExist)
}
