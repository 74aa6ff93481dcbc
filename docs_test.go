// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/metrics"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

var relativeLink = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)

// TestDocsLinks follows the links to files of the repository.
func TestDocsLinks(t *testing.T) {
	for _, pattern := range []string{"*.md", "*/*.md"} {
		pages, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, pages)
		for _, page := range pages {
			for _, link := range relativeLink.FindAllStringSubmatch(read(t, page), -1) {
				_, err := os.Stat(filepath.Join(filepath.Dir(page), link[1]))
				require.NoError(t, err, "a link in %s", page)
			}
		}
	}
}

// TestDocsGoVersion holds the Go that the README asks for against go.mod.
func TestDocsGoVersion(t *testing.T) {
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))
	require.Contains(t, read(t, "README.md"), "with Go "+version[1]+" or newer")
}

// TestDocsMeasurements holds the measurements in the README against those in docs/bench.md.
func TestDocsMeasurements(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\|.* x \|$`).FindAllString(read(t, "README.md"), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		require.Contains(t, read(t, "docs/bench.md"), row)
	}
}

// TestDocsFlags requires each flag of the cell, and its default, in docs/flags.md.
func TestDocsFlags(t *testing.T) {
	page := read(t, "docs/flags.md")
	newHive(t).Command().PersistentFlags().VisitAll(func(flag *pflag.Flag) {
		if !strings.Contains(flag.Name, "monitor") {
			return // of hive
		}
		row := fmt.Sprintf("| `--%s` | ", flag.Name)
		if flag.DefValue != "0" { // which stands for what depends on the machine
			row += fmt.Sprintf("`%s` |", flag.DefValue)
		}
		require.Contains(t, page, row)
	})
}

// TestDocsMetrics requires the metrics in docs/metrics.md that there are, and no others. Module hubble has a test of its own.
func TestDocsMetrics(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx)
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		metrics.NewCollector(a).Describe(descs)
		metrics.NewKernelDropsCollector(nil).Describe(descs)
		metrics.NewTrafficCollector(nil).Describe(descs)
	}()
	var exist []string
	for desc := range descs {
		name := regexp.MustCompile(`fqName: "cilium_monitor_(\w+)"`).FindStringSubmatch(desc.String())
		exist = append(exist, name[1])
	}
	cancel()
	<-a.Done()

	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?`) \\| ").FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			if name = strings.Trim(name, "`"); !strings.HasPrefix(name, "hubble_") {
				documented = append(documented, name)
			}
		}
	}
	require.ElementsMatch(t, exist, documented)
}

// TestDocsMakeHelp requires a description for each target, as "make help" shows it.
func TestDocsMakeHelp(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, target := range regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindAllStringSubmatch(makefile, -1) {
		require.Regexp(t, `(?m)^`+target[1]+`:.*## \S`, makefile)
	}
}
