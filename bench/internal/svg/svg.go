// SPDX-License-Identifier: Apache-2.0

// Package svg writes diagrams into a file.
package svg

import (
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func init() { plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"} }

// Write writes rows of diagrams, equally many in each, to the file at path, whose directory is
// made if necessary. width and height are those of each diagram, in points.
func Write(path string, rows [][]*plot.Plot, width, height vg.Length) error {
	columns := len(rows[0])
	canvas := vgsvg.New(width*vg.Length(columns), height*vg.Length(len(rows)))
	tiles := draw.Tiles{Rows: len(rows), Cols: columns, PadX: 8, PadY: 4, PadLeft: 4, PadRight: 12, PadTop: 4, PadBottom: 4}
	for i, row := range plot.Align(rows, tiles, draw.New(canvas)) {
		for j, c := range row {
			rows[i][j].Draw(c)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(f); err != nil {
		f.Close()
		return fmt.Errorf("writing the chart: %w", err)
	}
	return f.Close()
}
