// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strconv"
	"strings"
)

// rateText returns a rate in at most 7 columns.
func rateText(rate float64) string {
	switch {
	case rate == 0:
		return "0"
	case rate < 0.05:
		return "<0.1"
	case rate < 9.95:
		return strconv.FormatFloat(rate, 'f', 1, 64)
	default:
		return countText(uint64(rate + 0.5))
	}
}

// countText returns a number in at most 7 columns, with commas as far as there is room for them.
func countText(n uint64) string {
	switch {
	case n < 1_000_000:
		return grouped(n)
	case n < 100_000_000:
		return fmt.Sprintf("%.2fM", float64(n)/1e6)
	case n < 100_000_000_000:
		return fmt.Sprintf("%.2fG", float64(n)/1e9)
	default:
		return fmt.Sprintf("%.2fT", float64(n)/1e12)
	}
}

func grouped(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// bars are eighths of a block.
var bars = []rune("▁▂▃▄▅▆▇█")

// trendText draws counts, the largest of which has the highest bar.
func trendText(counts []uint64) string {
	var most uint64
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range counts {
		if n == 0 {
			b.WriteRune(' ')
			continue
		}
		b.WriteRune(bars[int(float64(n)/float64(most)*float64(len(bars)-1))])
	}
	return b.String()
}
