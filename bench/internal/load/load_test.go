// SPDX-License-Identifier: Apache-2.0

package load

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

func TestEmitterEmitsTheWholeShape(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	e, err := New(testutils.EventsMapPath(t), 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()

	const d, seed = 40 * time.Millisecond, 3
	for cpus := range e.CPUs() {
		s := Shape{Burst: 100, Rate: 20000, CPUs: cpus + 1}
		before, err := e.generator.CountersByCPU()
		require.NoError(t, err)
		_, err = e.RunShape(s, d, seed)
		require.NoError(t, err)
		after, err := e.generator.CountersByCPU()
		require.NoError(t, err)
		for cpu := range e.CPUs() {
			want := 0
			if cpu < s.CPUs {
				want = s.Burst * len(arrivals(s, cpu, d, seed))
				require.NotZero(t, want)
			}
			require.Equal(t, uint64(want), after[cpu].Total()-before[cpu].Total(), "CPU %d, %+v", cpu, s)
		}
	}
}
