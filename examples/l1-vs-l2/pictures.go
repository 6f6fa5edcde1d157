package main

import (
	"bytes"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The colors of Okabe and Ito, which the color-blind tell apart. Those of clean
// and corrupted trainings differ from those of the losses.
var (
	gray      = color.NRGBA{0x66, 0x66, 0x66, 0x55}
	ruler     = color.NRGBA{0x66, 0x66, 0x66, 0xff}
	cleanInk  = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	brokenInk = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	lossInks  = []color.NRGBA{{0x22, 0x22, 0x22, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xe6, 0x9f, 0x00, 0xff}}
	dashes    = []vg.Length{vg.Points(5), vg.Points(3)}
)

const (
	targetUnit = "disease progression"
	// The width of the Gaussian kernel that smooths a distribution.
	kernel = 15
)

// drawAll returns the pictures as PNG files, in the order of texts.json.
func drawAll(list []comparison, d *dataset) ([][]byte, error) {
	var pictures [][]byte
	for _, f := range []func([]comparison, *dataset) (*sheet, error){distributions, residuals, curves} {
		s, err := f(list, d)
		if err != nil {
			return nil, err
		}
		png, err := s.png()
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, png)
	}
	return pictures, nil
}

// sheet is a grid of plots.
type sheet struct {
	plots         [][]*plot.Plot
	width, height vg.Length
}

func (s *sheet) png() ([]byte, error) {
	canvas := vgimg.NewWith(vgimg.UseWH(s.width, s.height), vgimg.UseDPI(144))
	tiles := draw.Tiles{Rows: len(s.plots), Cols: len(s.plots[0]),
		PadX: vg.Points(14), PadY: vg.Points(12), PadTop: vg.Points(6), PadBottom: vg.Points(6), PadLeft: vg.Points(6), PadRight: vg.Points(12)}
	for i, row := range plot.Align(s.plots, tiles, draw.New(canvas)) {
		for j, c := range row {
			drawPlot(s.plots[i][j], c)
		}
	}
	var out bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(&out)
	return out.Bytes(), err
}

// drawPlot draws a plot, and its legend to the right of the data: a column of marks
// and, from the left, one of texts. Plots write texts of a legend on the right in
// front of the marks, with a ragged edge.
func drawPlot(p *plot.Plot, c draw.Canvas) {
	legend := p.Legend
	p.Legend = plot.NewLegend()
	p.Draw(c)
	inside := p.DataCanvas(c)
	extent := legend.Rectangle(inside).Size()
	legend.Left = true
	legend.Draw(draw.Crop(inside, inside.Size().X-extent.X, 0, 0, 0))
}

func newPlot(title, x, y string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(4)
	p.Legend.Top, p.Legend.Padding = true, vg.Points(4)
	p.Legend.ThumbnailWidth = vg.Points(24)
	return p
}

// ticks are labeled numbers on an axis.
func ticks(from, to, step float64) plot.ConstantTicks {
	var list plot.ConstantTicks
	for i := range int(math.Round((to-from)/step)) + 1 {
		v := from + float64(i)*step
		list = append(list, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 4, 64)})
	}
	return list
}

// addLine draws a line and returns it for the legend.
func addLine(p *plot.Plot, points plotter.XYs, ink color.Color, dashed bool) (*plotter.Line, error) {
	l, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	l.Color, l.Width = ink, vg.Points(1.5)
	if dashed {
		l.Dashes, l.Width = dashes, vg.Points(1)
	}
	p.Add(l)
	return l, nil
}

// distributions puts the predictions of each loss over the measured values.
func distributions(list []comparison, d *dataset) (*sheet, error) {
	s := &sheet{plots: [][]*plot.Plot{nil, nil}, width: vg.Points(560), height: vg.Points(430)}
	for i, r := range list {
		p := newPlot(titles[r.Name], targetUnit, "density")
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -20, 480, 0, 0.0125
		p.X.Tick.Marker, p.Y.Tick.Marker = ticks(0, 400, 100), ticks(0, 0.008, 0.004)
		measured, err := plotter.NewPolygon(density(d.target))
		if err != nil {
			return nil, err
		}
		measured.Color, measured.LineStyle.Width = gray, 0
		p.Add(measured)
		p.Legend.Add("measured", measured)
		for _, o := range []struct {
			label string
			of    *outcome
			ink   color.Color
		}{{"trained on clean targets", r.Clean, cleanInk}, {"trained with outliers", r.Outliers, brokenInk}} {
			line, err := addLine(p, density(o.of.Prediction), o.ink, false)
			if err != nil {
				return nil, err
			}
			p.Legend.Add(o.label, line)
			m := mean(o.of.Prediction)
			if _, err := addLine(p, plotter.XYs{{X: m, Y: 0}, {X: m, Y: 0.0078}}, o.ink, true); err != nil {
				return nil, err
			}
		}
		if i > 0 {
			p.Legend = plot.NewLegend() // one is enough
		}
		s.plots[i/2] = append(s.plots[i/2], p)
	}
	return s, nil
}

// density estimates the distribution of values.
func density(values []float64) plotter.XYs {
	var line plotter.XYs
	for x := -20.0; x <= 480; x += 2 {
		y := 0.0
		for _, v := range values {
			z := (x - v) / kernel
			y += math.Exp(-z*z/2) / (kernel * math.Sqrt(2*math.Pi)) / float64(len(values))
		}
		line = append(line, plotter.XY{X: x, Y: y})
	}
	return line
}

func residuals(list []comparison, d *dataset) (*sheet, error) {
	p := newPlot("", "", "prediction - measured ("+targetUnit+")")
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	p.Add(grid)
	zero, err := addLine(p, plotter.XYs{{X: -0.5, Y: 0}, {X: float64(len(list)) - 0.5, Y: 0}}, ruler, false)
	if err != nil {
		return nil, err
	}
	zero.Width = vg.Points(1)
	var names []string
	for i, r := range list {
		names = append(names, titles[r.Name])
		for _, o := range []struct {
			of  *outcome
			at  float64
			ink color.NRGBA
		}{{r.Clean, -0.17, cleanInk}, {r.Outliers, 0.17, brokenInk}} {
			var v plotter.Values
			for j, y := range o.of.Prediction {
				v = append(v, y-d.target[j])
			}
			b, err := plotter.NewBoxPlot(vg.Points(34), float64(i)+o.at, v)
			if err != nil {
				return nil, err
			}
			b.FillColor = pale(o.ink)
			b.BoxStyle.Color, b.MedianStyle.Color, b.WhiskerStyle.Color, b.GlyphStyle.Color = o.ink, o.ink, o.ink, o.ink
			b.MedianStyle.Width, b.GlyphStyle.Radius = vg.Points(2), vg.Points(1.5)
			p.Add(b)
		}
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(len(list))-0.5, -200, 300
	p.Y.Tick.Marker = ticks(-200, 200, 100)
	p.Legend.Add("trained on clean targets", swatch{cleanInk})
	p.Legend.Add("trained with outliers", swatch{brokenInk})
	return &sheet{plots: [][]*plot.Plot{{p}}, width: vg.Points(560), height: vg.Points(330)}, nil
}

// pale mixes an ink with white.
func pale(c color.NRGBA) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(255 - (255-int(v))/3) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

// swatch is a box in a legend.
type swatch struct{ ink color.NRGBA }

// Thumbnail implements [plot.Thumbnailer].
func (s swatch) Thumbnail(c *draw.Canvas) {
	low := c.Min.Y + vg.Points(2) // where the text stands
	corners := []vg.Point{{X: c.Min.X, Y: low}, {X: c.Min.X, Y: c.Max.Y}, {X: c.Max.X, Y: c.Max.Y}, {X: c.Max.X, Y: low}}
	c.FillPolygon(pale(s.ink), corners)
	c.StrokeLines(draw.LineStyle{Color: s.ink, Width: vg.Points(1)}, append(corners, corners[0]))
}

func curves(list []comparison, _ *dataset) (*sheet, error) {
	training := newPlot("training rows, with outliers", "epoch", "loss / its first value")
	held := newPlot("held-out patients, true targets", "epoch", "mean absolute error")
	for i, r := range list {
		first := r.Outliers.Loss[0]
		line, err := addLine(training, over(r.Outliers.Loss, first), lossInks[i], false)
		if err != nil {
			return nil, err
		}
		training.Legend.Add(r.Name, line)
		if line, err = addLine(held, over(r.Outliers.HeldOut, 1), lossInks[i], false); err != nil {
			return nil, err
		}
		dashed, err := addLine(held, over(r.Clean.HeldOut, 1), lossInks[i], true)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			held.Legend.Add("trained with outliers", line)
			held.Legend.Add("trained on clean targets", dashed)
		}
	}
	training.Y.Min, training.Y.Max, training.Legend.Top = 0, 1.02, false
	held.Y.Min, held.Y.Max = 40, 75
	return &sheet{plots: [][]*plot.Plot{{training, held}}, width: vg.Points(640), height: vg.Points(280)}, nil
}

// over is a curve over the epochs, divided by a number.
func over(curve []float64, by float64) plotter.XYs {
	var line plotter.XYs
	for i, v := range curve {
		line = append(line, plotter.XY{X: float64(i * every), Y: v / by})
	}
	return line
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
