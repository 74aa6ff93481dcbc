// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func BenchmarkFormat(b *testing.B) {
	all, err := workloads()
	require.NoError(b, err)
	for _, load := range all {
		for _, f := range []formatter{ours, cilium} {
			b.Run(load.name+"/"+f.name, func(b *testing.B) { load.run(b, f) })
		}
	}
}

// TestBothPrint checks that both formatters do the work that is timed.
func TestBothPrint(t *testing.T) {
	all, err := workloads()
	require.NoError(t, err)
	for _, load := range all {
		for _, f := range []formatter{ours, cilium} {
			var out bytes.Buffer
			print := f.new(&out, load.opts)
			for _, pl := range load.payloads {
				print(pl)
			}
			require.Equal(t, len(load.payloads), bytes.Count(out.Bytes(), []byte{'\n'}), "lines of %s, %s", load.name, f.name)
		}
	}
}
