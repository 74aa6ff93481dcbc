// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"image/color"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/cilium/monitor/bench/internal/svg"
)

// series is one line of a panel.
type series struct {
	name   string
	color  color.Color
	points plotter.XYs
}

// panel is one of the chart's diagrams, both axes logarithmic.
type panel struct {
	title, x string
	ticks    func(min, max float64) []plot.Tick
	lines    []series
}

// drawCost writes the chart of cost over clients and over rate, as SVG.
func (r *results) drawCost(path string) error {
	panels := r.panels()
	plots := make([]*plot.Plot, 0, len(panels))
	for _, p := range panels {
		pl, err := p.plot()
		if err != nil {
			return fmt.Errorf("drawing %q: %w", p.title, err)
		}
		plots = append(plots, pl)
	}
	return svg.Write(path, [][]*plot.Plot{plots}, 320, 260)
}

var (
	ourColor    = color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff}
	ciliumColor = color.RGBA{R: 0xd6, G: 0x27, B: 0x28, A: 0xff}
	floorColor  = color.RGBA{R: 0x7f, G: 0x7f, B: 0x7f, A: 0xff}
)

// chartAgents are the agents as charts show them.
var chartAgents = []struct {
	pkg, name string
	color     color.Color
}{{ciliums, "Cilium's", ciliumColor}, {ours, "this agent", ourColor}}

func (r *results) panels() []panel {
	const rate = 20000
	overClients := panel{title: "Agent CPU per event at 20k/s, µs", x: "clients", ticks: countTicks}
	overRate := panel{title: "Agent CPU per delivery, 4 clients, µs", x: "events emitted per second", ticks: decadeTicks}
	tax := panel{title: "Datapath time per event, 4 clients, µs", x: "events emitted per second", ticks: decadeTicks}
	for _, agent := range chartAgents {
		c, d, t := series{name: agent.name, color: agent.color}, series{name: agent.name, color: agent.color}, series{name: agent.name, color: agent.color}
		for _, s := range r.costSetups() {
			runs := r.cost[setup{agent.pkg, s.rate, s.clients}]
			emitted := median(runs, func(f figures) float64 { return f.Rate })
			if s.rate == rate {
				c.add(float64(s.clients), median(runs, func(f figures) float64 { return f.CPUEvent }))
			}
			if s.clients == 4 {
				d.add(emitted, median(runs, func(f figures) float64 { return f.CPUDelivery }))
				t.add(emitted, median(runs, func(f figures) float64 { return f.Tax }))
			}
		}
		overClients.lines = append(overClients.lines, c)
		overRate.lines = append(overRate.lines, d)
		tax.lines = append(tax.lines, t)
	}
	floor := series{name: "floor", color: floorColor}
	for _, runs := range r.floor {
		floor.add(median(runs, func(f figures) float64 { return f.Rate }), median(runs, func(f figures) float64 { return f.Tax }))
	}
	slices.SortFunc(floor.points, func(a, b plotter.XY) int { return int(a.X - b.X) })
	tax.lines = append(tax.lines, floor)
	return []panel{overClients, overRate, tax}
}

// add adds a point, y in nanoseconds, unless there is none.
func (s *series) add(x, y float64) {
	if x > 0 && y > 0 {
		s.points = append(s.points, plotter.XY{X: x, Y: y / 1e3})
	}
}

func (p panel) plot() (*plot.Plot, error) {
	pl := plot.New()
	pl.BackgroundColor = color.White
	pl.Title.Text = p.title
	pl.X.Label.Text = p.x
	pl.X.Scale, pl.Y.Scale = plot.LogScale{}, plot.LogScale{}
	pl.X.Tick.Marker, pl.Y.Tick.Marker = plot.TickerFunc(p.ticks), plot.TickerFunc(decadeTicks)
	pl.Legend.Top = true
	pl.Add(plotter.NewGrid())
	// A log scale needs a range even without points, and the legend some room.
	pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max = 1, 10, 0.1, 1000
	for i, s := range p.lines {
		if len(s.points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return nil, err
		}
		line.Color, dots.Color = s.color, s.color
		line.Width = vg.Points(1.5)
		dots.Shape = draw.CircleGlyph{}
		if i == 0 {
			pl.X.Min, pl.X.Max = s.points[0].X, s.points[0].X
		}
		pl.Add(line, dots)
		pl.Legend.Add(s.name, line, dots)
	}
	return pl, nil
}

// countTicks marks powers of four.
func countTicks(min, max float64) (ticks []plot.Tick) {
	for v := 1.; v <= max; v *= 4 {
		if v >= min {
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
		}
	}
	return ticks
}

// decadeTicks marks powers of ten, with short names for thousands and millions.
func decadeTicks(min, max float64) (ticks []plot.Tick) {
	for v := 1e-3; v <= max; v *= 10 {
		if v < min*.999 {
			continue
		}
		label := strconv.FormatFloat(v, 'g', 3, 64)
		switch {
		case v >= .999e6:
			label = fmt.Sprintf("%.0fM", v/1e6)
		case v >= .999e3:
			label = fmt.Sprintf("%.0fk", v/1e3)
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
	}
	return ticks
}
