// SPDX-License-Identifier: Apache-2.0

// Formatbench times the formatters of this project and of Cilium on the same payloads,
// in turns, and prints what an event costs each. The payloads are a recorded stream of a
// node and one trace of it, a TCP SYN. Of the stream's policy verdicts, 1 event in 17,
// Cilium prints the same line with JSON as without.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
)

func main() {
	testing.Init()
	rounds := flag.Int("rounds", 3, "how often each formatter has its turn; the medians are printed")
	flag.Parse()
	if err := compare(os.Stdout, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "formatbench:", err)
		os.Exit(1)
	}
}

// compare times both formatters and prints the table.
func compare(out io.Writer, rounds int) error {
	all, err := workloads()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmonitor\tcilium\tratio\tallocs monitor\tcilium\tbytes monitor\tcilium\t")
	for _, load := range all {
		results := map[string][]testing.BenchmarkResult{}
		for range rounds {
			for _, f := range []formatter{ours, cilium} {
				r := testing.Benchmark(func(b *testing.B) { load.run(b, f) })
				results[f.name] = append(results[f.name], r)
			}
		}
		our, their := median(results[ours.name]), median(results[cilium.name])
		fmt.Fprintf(w, "%s\t%.0f ns\t%.0f ns\t%.1f x\t%d\t%d\t%d\t%d\t\n", load.name,
			nanoseconds(our), nanoseconds(their), nanoseconds(their)/nanoseconds(our),
			our.AllocsPerOp(), their.AllocsPerOp(), our.AllocedBytesPerOp(), their.AllocedBytesPerOp())
	}
	return w.Flush()
}

// nanoseconds returns how long an event took.
func nanoseconds(r testing.BenchmarkResult) float64 { return float64(r.T.Nanoseconds()) / float64(r.N) }

// median returns the result that took neither longest nor shortest.
func median(results []testing.BenchmarkResult) testing.BenchmarkResult {
	slices.SortFunc(results, func(a, b testing.BenchmarkResult) int { return cmp.Compare(nanoseconds(a), nanoseconds(b)) })
	return results[len(results)/2]
}
