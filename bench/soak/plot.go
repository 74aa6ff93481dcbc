// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/cilium/monitor/bench/internal/svg"
)

// curve is one of a diagram.
type curve struct {
	name   string
	values func(m, before Memory) float64
}

var colors = []color.Color{
	color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff},
	color.RGBA{R: 0xd6, G: 0x27, B: 0x28, A: 0xff},
	color.RGBA{R: 0x2c, G: 0xa0, B: 0x2c, A: 0xff},
}

// draw writes the course of the agent's memory, of events, and of what it holds.
func draw(path string, samples []Memory) error {
	perSecond := func(of func(Memory) uint64) func(m, before Memory) float64 {
		return func(m, before Memory) float64 {
			return float64(of(m)-of(before)) / (m.At - before.At).Seconds() / 1e3
		}
	}
	var row []*plot.Plot
	for _, d := range []struct {
		title  string
		curves []curve
	}{
		{"Memory, MiB", []curve{
			{"resident set", func(m, _ Memory) float64 { return mib(m.RSS) }},
			{"heap", func(m, _ Memory) float64 { return mib(m.Heap) }},
			{"sockets", func(m, _ Memory) float64 { return mib(m.Sockets) }},
		}},
		{"Events, 1000/s", []curve{
			{"read from rings", perSecond(func(m Memory) uint64 { return m.Read })},
			{"ring full", perSecond(func(m Memory) uint64 { return m.RingLost })},
		}},
		{"Held", []curve{
			{"goroutines", func(m, _ Memory) float64 { return float64(m.Goroutines) }},
			{"descriptors", func(m, _ Memory) float64 { return float64(m.Descriptors) }},
			{"clients", func(m, _ Memory) float64 { return float64(m.Clients) }},
		}},
	} {
		p, err := diagram(d.title, d.curves, samples)
		if err != nil {
			return fmt.Errorf("drawing %q: %w", d.title, err)
		}
		row = append(row, p)
	}
	return svg.Write(path, [][]*plot.Plot{row}, 320, 260)
}

func diagram(title string, curves []curve, samples []Memory) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text, p.X.Label.Text = title, "seconds"
	p.Y.Min = 0
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for i, c := range curves {
		var points plotter.XYs
		for n := 1; n < len(samples); n++ {
			points = append(points, plotter.XY{X: samples[n].At.Seconds(), Y: c.values(samples[n], samples[n-1])})
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = colors[i], vg.Points(1)
		p.Add(line)
		p.Legend.Add(c.name, line)
	}
	p.Y.Max *= 1.3 // room for the legend
	return p, nil
}
