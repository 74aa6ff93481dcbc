// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/hubble/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDocs requires the metrics in docs/metrics.md that there are, and no others.
func TestDocs(t *testing.T) {
	descs := make(chan *prometheus.Desc, 100)
	metrics.New().Describe(descs)
	close(descs)
	var exist []string
	for desc := range descs {
		exist = append(exist, regexp.MustCompile(`fqName: "cilium_monitor_(\w+)"`).FindStringSubmatch(desc.String())[1])
	}
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `hubble_.*?` \\| ").FindAllString(string(text), -1) {
		documented = append(documented, regexp.MustCompile(`hubble_\w+`).FindAllString(row, -1)...)
	}
	require.ElementsMatch(t, exist, documented)
}
