// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	hubblev1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/filters"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/hubble/filter"
)

// Of what random selectors are made: words that labels have, words that are wrong, and what is between words.
var (
	selectorKeys = []string{
		"app", "k8s:app", "k8s.app", "any:app", "reserved:host", "host", "io.x/y", "k8s:io.x/y", "a.b:c", "a/b:c", "in", "notin", "n", "x:n",
		"cidr:10.0.0.0/8", "cidr:10.0.0.0/25", "cidr:fd00--/64", "cidr:x", "a:b:c", ":app", "k8s:", "App.", "A/b", "a//b", "a/", "-", "é",
		strings.Repeat("a", 59), strings.Repeat("a", 60), strings.Repeat("a", 249) + "/b", strings.Repeat("a", 250) + "/b",
	}
	selectorValues = []string{
		"web", "api", "in", "notin", "", "1", "5", "9", "-5", "99999999999999999999", "a_b", ".a", "b-", "b:c",
		strings.Repeat("a", 63), strings.Repeat("a", 64),
	}
	selectorSymbols = []string{"=", "==", "!=", "!", ",", "(", ")", " in ", " notin ", ">", "<", " ", "\t", "\n", "\v", "\u00a0", "===", "=!", ",,", "()"}
	selectedLabels  = []string{
		"k8s:app=web", "k8s:app=api", "app=in", "x:app=", "reserved:host", "$host", "k8s:io.x/y=1", "a:b.c=web", "b:c=api", "a/b:c=5", "k8s:in=web",
		"x:n=1", "n=5", "k8s:n=web", "n=-9", "n", "cidr:10.0.0.0/24", "cidr:fd00--/56", "cidr:fd00--1/128", "any:notin=9", "k8s.app=web", "=", "", ":", "k8s:app=",
	}
)

func oneOf(random *rand.Rand, all []string) string { return all[random.IntN(len(all))] }

// randomSelector returns a selector, which half of the time is one by its grammar.
func randomSelector(random *rand.Rand) string {
	var b strings.Builder
	if random.IntN(2) == 0 {
		for range random.IntN(6) {
			b.WriteString(oneOf(random, [][]string{selectorKeys, selectorValues, selectorSymbols, selectorSymbols}[random.IntN(4)]))
		}
		return b.String()
	}
	for i := range 1 + random.IntN(3) {
		if i > 0 {
			b.WriteString(oneOf(random, []string{",", " , "}))
		}
		switch key := oneOf(random, selectorKeys[:17]); random.IntN(4) {
		case 0:
			b.WriteString(oneOf(random, []string{"", "!", "! "}) + key)
		case 1, 2:
			b.WriteString(key + oneOf(random, []string{"=", "==", " = ", "!=", ">", "<", " > "}) + oneOf(random, selectorValues))
		case 3:
			values := oneOf(random, selectorValues)
			for range random.IntN(3) {
				values += oneOf(random, []string{",", " , "}) + oneOf(random, selectorValues)
			}
			b.WriteString(key + oneOf(random, []string{" in (", " notin(", " in\t( "}) + values + ")")
		}
	}
	return b.String()
}

// TestHubbleSelectors checks that both sides refuse the same selectors of labels, and that others match the same labels.
func TestHubbleSelectors(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	builders := filters.DefaultFilters(slog.New(slog.DiscardHandler))
	refused, asked, matched := 0, 0, 0
	for range 100_000 {
		selector := randomSelector(random)
		list := []*flowpb.FlowFilter{{SourceLabel: []string{selector}}}
		theirs, err := filters.BuildFilterList(t.Context(), list, builders)
		ours, gotErr := filter.New(list, nil)
		require.Equal(t, err != nil, gotErr != nil, "%q\n%v\n%v", selector, err, gotErr)
		if err != nil {
			refused++
			continue
		}
		for range 5 {
			source := new(flowpb.Endpoint)
			for range random.IntN(4) {
				source.Labels = append(source.Labels, oneOf(random, selectedLabels))
			}
			f := &flowpb.Flow{Source: source}
			want := filters.Apply(theirs, nil, &hubblev1.Event{Event: f})
			require.Equal(t, want, ours.Match(f), "%q of %q", selector, source.Labels)
			asked++
			if want {
				matched++
			}
		}
	}
	t.Logf("%d selectors refused, %d answers, of which %d match", refused, asked, matched)
	require.Greater(t, refused, 10_000)
	require.Greater(t, matched, asked/10)
}
