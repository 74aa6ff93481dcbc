// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	hubble "github.com/cilium/monitor/hubble/metrics"
	"github.com/cilium/monitor/metrics"
)

// dashboard is the part of a Grafana dashboard that has queries in it.
type dashboard struct {
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Panels []struct {
		ID          int
		Title       string
		Description string
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct{ Expr string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("grafana-dashboard.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// exported returns the names of the agent's metrics and their labels, with the names of a
// histogram's series.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx)
	defer func() { cancel(); <-a.Done() }()
	descs := make(chan *prometheus.Desc, 100)
	metrics.NewCollector(a).Describe(descs)
	metrics.NewKernelDropsCollector(nil).Describe(descs)
	metrics.NewTrafficCollector(nil).Describe(descs)
	hubble.New().Describe(descs)
	close(descs)
	names := map[string][]string{}
	for d := range descs {
		var name, labels string
		text := strings.NewReplacer(`"`, " ", "{", " ", "}", " ").Replace(d.String())
		_, err := fmt.Sscanf(text, "Desc fqName:  %s", &name)
		require.NoError(t, err, text)
		if _, after, found := strings.Cut(text, "variableLabels:"); found {
			labels = strings.TrimSpace(after)
		}
		names[name] = strings.FieldsFunc(labels, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return names
}

// variables are what Grafana puts in place of its variables.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*")

// TestDashboard parses each query of the dashboard as Prometheus does. It asks for exactly the
// metrics that there are: none is misspelt, and none forgotten.
func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	names := exported(t)
	require.NotEmpty(t, names)
	unused := map[string]bool{}
	labels := []string{"instance", "le"}
	for name, own := range names {
		unused[name] = true
		labels = append(labels, own...)
	}
	p := parser.NewParser(parser.Options{})
	for _, panel := range d.Panels {
		require.NotEmpty(t, panel.Title)
		require.NotEmpty(t, panel.Description, panel.Title)
		for _, target := range panel.Targets {
			expr, err := p.ParseExpr(variables.Replace(target.Expr))
			require.NoError(t, err, "%s: %s", panel.Title, target.Expr)
			parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
				if sum, ok := node.(*parser.AggregateExpr); ok {
					require.Subset(t, labels, sum.Grouping, "%s: %s", panel.Title, target.Expr)
				}
				selector, ok := node.(*parser.VectorSelector)
				if !ok {
					return nil
				}
				name := selector.Name
				if _, there := names[name]; !there {
					for _, suffix := range []string{"_bucket", "_sum", "_count"} {
						name = strings.TrimSuffix(name, suffix)
					}
				}
				require.Contains(t, names, name, "%s asks for %s", panel.Title, selector)
				delete(unused, name)
				for _, m := range selector.LabelMatchers {
					known := append([]string{"__name__", "instance"}, names[name]...)
					require.Contains(t, known, m.Name, "%s asks for %s", panel.Title, selector)
				}
				return nil
			})
		}
	}
	require.Empty(t, unused, "the dashboard does not show these")

	for _, v := range d.Templating.List {
		if v.Definition != "" {
			require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(names)), func(name string) bool {
				return strings.HasPrefix(v.Definition, "label_values("+name+",")
			}), v.Definition)
		}
	}
}

// TestDashboardLayout has each panel in its place.
func TestDashboardLayout(t *testing.T) {
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range readDashboard(t).Panels {
		require.False(t, ids[p.ID], "two panels have id %d", p.ID)
		ids[p.ID] = true
		g := p.GridPos
		require.LessOrEqual(t, g.X+g.W, 24, p.Title)
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				require.Empty(t, taken[[2]int{x, y}], p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
