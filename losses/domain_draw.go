package losses

import (
	"math"
)

// This file draws random values of each domain, for the table in domain.go.

func (u *use) draw(row domainRow) {
	if row.kind != kindIndex {
		for i := range u.t.Len() {
			v := u.random.NormFloat64()
			if row.each != nil {
				v = row.each(u, i, v)
			}
			u.t.SetFloat(i, v)
		}
	}
	if row.whole != nil {
		row.whole(u)
	}
}

func drawSign(_ *use, _ int, normal float64) float64 { return math.Copysign(1, normal) }

func drawMask(_ *use, _ int, normal float64) float64 { // most are kept
	return math.Max(0, math.Ceil(normal+1))
}

func drawUnit(u *use, _ int, _ float64) float64     { return 0.05 + 0.9*u.random.Float64() }
func drawPositive(u *use, _ int, _ float64) float64 { return 0.1 + 1.9*u.random.Float64() }
func drawTime(u *use, _ int, _ float64) float64     { return 0.25 * float64(1+u.random.IntN(12)) }
func drawEvent(u *use, _ int, _ float64) float64    { return float64(u.random.IntN(2)) }
func drawGrade(u *use, _ int, _ float64) float64 {
	return float64(u.random.Int64N(int64(u.of.High) + 1))
}

// drawInterval keeps away from the ends, where a finite difference would leave it.
func drawInterval(u *use, _ int, _ float64) float64 {
	return u.of.Low + (u.of.High-u.of.Low)*(0.05+0.9*u.random.Float64())
}

func drawBox(u *use, i int, _ float64) float64 { // x1, y1, x2, y2
	v := 3 * u.random.Float64()
	if i%4 >= 2 {
		v += u.t.Float(i-2) + 0.5
	}
	return v
}

// lines calls f for each line along the axis: at gives the flat index of its k-th
// element.
func (u *use) lines(f func(n int, at func(k int) int)) {
	if len(u.t.Dims) == 0 || u.t.Len() == 0 {
		return
	}
	n, inner := int(u.t.Dims[u.axis]), 1
	for _, size := range u.t.Dims[u.axis+1:] {
		inner *= int(size)
	}
	for start := range u.t.Len() {
		if start/inner%n == 0 {
			f(n, func(k int) int { return start + k*inner })
		}
	}
}

func drawSimplex(u *use) { u.normalize(math.Exp) }

func drawLogProb(u *use) { u.normalize(func(v float64) float64 { return v }) }

// normalize makes log-probabilities of the values along the axis, and of these what f
// says.
func (u *use) normalize(f func(float64) float64) {
	u.lines(func(n int, at func(int) int) {
		sum := 0.0
		for k := range n {
			sum += math.Exp(u.t.Float(at(k)))
		}
		for k := range n {
			u.t.SetFloat(at(k), f(u.t.Float(at(k))-math.Log(sum)))
		}
	})
}

func drawDirections(u *use) {
	u.lines(func(n int, at func(int) int) {
		squares := 0.0
		for k := range n {
			squares += u.t.Float(at(k)) * u.t.Float(at(k))
		}
		for k := range n {
			u.t.SetFloat(at(k), u.t.Float(at(k))/math.Sqrt(squares))
		}
	})
}

func drawPrefixes(u *use) {
	u.lines(func(n int, at func(int) int) {
		kept := 1 + u.random.IntN(n)
		for k := range n {
			u.t.SetInt(at(k), 0)
			if k < kept {
				u.t.SetInt(at(k), 1)
			}
		}
	})
}

func drawGroups(u *use) {
	for i := range u.t.Len() {
		u.t.SetInt(i, u.random.Int64N(3))
	}
}

// drawClasses makes about one label in six the ignored one, where there is one.
func drawClasses(u *use) {
	classes := max(u.size, 1)
	for i := range u.t.Len() {
		u.t.SetInt(i, u.random.Int64N(classes))
		if u.except != nil && u.t.Int(i) == *u.except {
			u.t.SetInt(i, (*u.except+1)%classes)
		}
		if i > 0 && u.ignored != nil && u.random.IntN(6) == 0 {
			u.t.SetInt(i, *u.ignored)
		}
	}
}

// drawLists fills rows with different classes, ended by -1.
func drawLists(u *use) {
	if len(u.t.Dims) == 0 {
		return // the class 0
	}
	width := int(u.t.Dims[len(u.t.Dims)-1])
	for start := 0; start < u.t.Len(); start += width {
		labels := u.random.Perm(int(max(u.size, 1)))
		labels = labels[:min(len(labels), 1+u.random.IntN(width))]
		for i := range width {
			u.t.SetInt(start+i, -1)
			if i < len(labels) {
				u.t.SetInt(start+i, int64(labels[i]))
			}
		}
	}
}

// drawLengths fills t with the whole size, or with shares of it.
func drawLengths(u *use) {
	for i := range u.t.Len() {
		u.t.SetInt(i, u.size)
		if n := int64(u.t.Len()); u.sum {
			u.t.SetInt(i, (u.size+n-1-int64(i))/n)
		}
	}
}
