// SPDX-License-Identifier: Apache-2.0

// Package suggest finds what somebody meant who made a typo.
package suggest

import "strings"

// DidYouMean returns `; did you mean "X"?` for the candidate that text is most
// likely a typo of, else "".
func DidYouMean(text string, candidates []string) string {
	if len(text) > 64 {
		return ""
	}
	text = strings.ToLower(text)
	best, bestDistance := "", len(text)/3+2 // more edits than that are another word
	for _, c := range candidates {
		lower := strings.ToLower(c)
		d := editDistance(text, lower)
		if len(text) >= 3 && strings.Contains(lower, text) {
			d = 1
		}
		for word := range strings.FieldsSeq(lower) {
			if word != lower && len(word) > 3 { // a typo in one of several words that tells something
				d = min(d, editDistance(text, word)+1)
			}
		}
		if d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// editDistance returns how many bytes must be inserted, deleted or replaced to make b
// of a.
func editDistance(a, b string) int {
	// prev[j] is the distance between the beginning of a and the first j bytes of b.
	prev, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			replace := prev[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, row[j]+1, prev[j+1]+1)
		}
		prev, row = row, prev
	}
	return prev[len(b)]
}
