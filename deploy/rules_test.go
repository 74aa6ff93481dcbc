// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const (
	rulesFile     = "prometheus-rules.yaml"
	rulesTestFile = "prometheus-rules.test.yaml"
)

// rule is a recording rule or an alert.
type rule struct {
	Record, Alert, Expr string
}

func readRules(t *testing.T) (rules []rule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	text, err := os.ReadFile(rulesFile)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}

// TestRules has Prometheus's own tool run the unit tests of the rules.
func TestRules(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("needs promtool: see scripts/promtool")
	}
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", rulesTestFile}} {
		out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// TestEachRuleIsTested asks for a unit test of each rule: of an alert, one in which it fires.
func TestEachRuleIsTested(t *testing.T) {
	var file struct {
		Tests []struct {
			PromqlExprTest []struct{ Expr string } `json:"promql_expr_test"`
			AlertRuleTest  []struct {
				Alertname string
				ExpAlerts []any `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		}
	}
	text, err := os.ReadFile(rulesTestFile)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &file))
	asked, fires := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, e := range test.PromqlExprTest {
			asked[e.Expr] = true
		}
		for _, a := range test.AlertRuleTest {
			fires[a.Alertname] = fires[a.Alertname] || len(a.ExpAlerts) > 0
		}
	}
	for _, r := range readRules(t) {
		if r.Record != "" {
			require.True(t, asked[r.Record], "%s has no test", r.Record)
		} else {
			require.True(t, fires[r.Alert], "%s has no test in which it fires", r.Alert)
		}
	}
}

// TestRulesAskForMetrics parses each rule. It asks for metrics and labels that there are, or for what another rule records.
func TestRulesAskForMetrics(t *testing.T) {
	names := exported(t)
	rules := readRules(t)
	p := parser.NewParser(parser.Options{})
	for _, r := range rules {
		expr, err := p.ParseExpr(r.Expr)
		require.NoError(t, err, r.Expr)
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			selector, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			labels, there := names[selector.Name]
			for _, other := range rules {
				if other.Record == selector.Name {
					by, _, _ := strings.Cut(other.Record, ":")
					labels, there = strings.Split(by, "_"), true
				}
			}
			require.True(t, there, "%s: there is no %s", r.Expr, selector.Name)
			for _, m := range selector.LabelMatchers {
				require.Contains(t, append([]string{"__name__", "instance"}, labels...), m.Name, r.Expr)
			}
			return nil
		})
	}
}
