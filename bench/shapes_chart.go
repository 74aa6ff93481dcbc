// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/cilium/monitor/bench/internal/svg"
)

// glyphs tell bursts apart.
var glyphs = []struct {
	burst int
	shape draw.GlyphDrawer
}{
	{1, draw.CircleGlyph{}}, {10, draw.SquareGlyph{}}, {50, draw.TriangleGlyph{}}, {200, draw.PlusGlyph{}}, {1000, draw.CrossGlyph{}},
}

// glyphSize grows with the rate.
func glyphSize(rate int) vg.Length {
	size := vg.Points(2)
	for ; rate >= 1000; rate /= 4 {
		size += vg.Points(0.75)
	}
	return size
}

// draw writes the chart of CPU and p99, a point for each load and agent, as SVG.
func (r *shapeResults) draw(path string) error {
	plots := make([]*plot.Plot, 0, len(allClients))
	cells := r.agents.cells(shapeCell.compare)
	for _, clients := range allClients {
		if !slices.ContainsFunc(cells, func(c shapeCell) bool { return c.clients == clients }) {
			continue
		}
		p, err := r.plot(clients)
		if err != nil {
			return fmt.Errorf("drawing the loads of %s: %w", clientsName(clients), err)
		}
		plots = append(plots, p)
	}
	if len(plots) == 0 {
		return nil // clients that the charts are not about
	}
	return svg.Write(path, [][]*plot.Plot{plots}, 340, 320)
}

func (r *shapeResults) plot(clients int) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = clientsName(clients) + "; the larger, the higher the rate"
	p.X.Label.Text, p.Y.Label.Text = "agent CPU per event, µs", "p99 of the latency, µs"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(decadeTicks), plot.TickerFunc(decadeTicks)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0.3, 300, 50, 200000 // with room for the legend
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for _, agent := range chartAgents {
		p.Legend.Add(agent.name, swatch{agent.color, draw.CircleGlyph{}})
		for _, c := range r.agents.cells(shapeCell.compare) {
			cpu, late := r.agents.value(agent.pkg, c, cpuEvent), r.agents.value(agent.pkg, c, p99)
			if c.clients != clients || !(cpu > 0 && late > 0) {
				continue
			}
			points, err := plotter.NewScatter(plotter.XYs{{X: cpu / 1e3, Y: late / 1e3}})
			if err != nil {
				return nil, err
			}
			points.Color, points.Radius = agent.color, glyphSize(c.Rate)
			for _, g := range glyphs {
				if c.Burst >= g.burst {
					points.Shape = g.shape
				}
			}
			p.Add(points)
		}
	}
	for _, g := range glyphs {
		name := "even"
		if g.burst > 1 {
			name = fmt.Sprintf("bursts of %d", g.burst)
		}
		p.Legend.Add(name, swatch{color.Black, g.shape})
	}
	return p, nil
}

// swatch is a glyph in the legend.
type swatch struct {
	color color.Color
	shape draw.GlyphDrawer
}

// Thumbnail implements plot.Thumbnailer.
func (s swatch) Thumbnail(c *draw.Canvas) {
	c.DrawGlyph(draw.GlyphStyle{Color: s.color, Radius: vg.Points(3), Shape: s.shape}, c.Center())
}
