package tensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
)

type Dim = tensor.Dim

var letters = []string{"N", "C", "T_", "max"}

// form draws a size that is 0 or more for every size of the letters.
func form(r *rand.Rand, depth int) Dim {
	if depth == 0 || r.IntN(4) == 0 {
		if r.IntN(3) == 0 {
			return tensor.D(r.Int64N(4))
		}
		return tensor.S(letters[r.IntN(len(letters))])
	}
	x, y := form(r, depth-1), form(r, depth-1)
	switch r.IntN(4) {
	case 0:
		return do(x.Add(y))
	case 1:
		return do(x.Mul(y))
	case 2:
		return do(do(x.Sub(y)).Clamp())
	default:
		before, size, behind, err := x.Cut(r.Int64N(7)-3, []int64{-2, -1, 0, 1, 2, 5, math.MaxInt64}[r.IntN(7)])
		return []Dim{do(before, err), do(size, err), do(behind, err)}[r.IntN(3)]
	}
}

// tooLong stands for a form that arithmetic refused.
var tooLong = tensor.D(7)

func do(d Dim, err error) Dim {
	if err != nil {
		return tooLong
	}
	return d
}

func sizes(r *rand.Rand) map[string]int64 {
	s := map[string]int64{}
	for _, letter := range letters {
		s[letter] = r.Int64N(7)
	}
	return s
}

func eval(t *testing.T, d Dim, s map[string]int64) int64 {
	t.Helper()
	n, err := d.Eval(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLaws draws forms and holds arithmetic against that of numbers.
func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		x, y, z := form(r, 2), form(r, 2), form(r, 1)
		same := func(law string, a, b Dim, errs ...error) {
			if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
				return // too long
			}
			if a != b {
				t.Fatalf("%s: x = %v, y = %v, z = %v: %v is not %v", law, x, y, z, a, b)
			}
		}
		xy, e1 := x.Add(y)
		yx, e2 := y.Add(x)
		same("x+y = y+x", xy, yx, e1, e2)
		back, e2 := xy.Sub(y)
		same("x+y-y = x", back, x, e1, e2)
		yz, e2 := y.Add(z)
		right, e3 := x.Add(yz)
		all, e4 := tensor.Sum(x, y, z)
		same("x+(y+z) = x+y+z", right, all, e2, e3, e4)
		product, e1 := x.Mul(y)
		turned, e2 := y.Mul(x)
		same("x·y = y·x", product, turned, e1, e2)
		left, e3 := x.Mul(z)
		both, e4 := y.Mul(z)
		parts, e5 := left.Add(both)
		whole, e6 := xy.Mul(z)
		same("(x+y)·z = x·z+y·z", whole, parts, e3, e4, e5, e6)
		same("x·1 = x", do(x.Mul(tensor.D(1))), x)
		same("x·0 = 0", do(x.Mul(tensor.D(0))), tensor.D(0))
		same("x-x = 0", do(x.Sub(x)), tensor.D(0))
		difference, e1 := x.Sub(y)
		clamped, e2 := difference.Clamp()
		again, e3 := clamped.Clamp()
		same("max(max(x-y,0),0) = max(x-y,0)", again, clamped, e1, e2, e3)
		read, err := tensor.ParseDim(x.String())
		same("what x says is x", read, x, err)

		s := sizes(r)
		least, most := x.Bounds()
		if n := eval(t, x, s); n < 0 || n < least || n > most {
			t.Fatalf("%v of %v is %d, bounds %d to %d", x, s, n, least, most)
		}
		for _, c := range []struct {
			d    Dim
			err  error
			want int64
		}{
			{xy, nil, eval(t, x, s) + eval(t, y, s)}, {product, nil, eval(t, x, s) * eval(t, y, s)},
			{clamped, e2, max(0, eval(t, x, s)-eval(t, y, s))},
		} {
			if c.err == nil && !c.d.Is(0) && c.d != (Dim{}) && eval(t, c.d, s) != c.want {
				t.Fatalf("x = %v, y = %v: %v of %v is %d, want %d", x, y, c.d, s, eval(t, c.d, s), c.want)
			}
		}
	}
}

// TestCut holds the parts of an axis against those that Python's ranges have.
func TestCut(t *testing.T) {
	clip := func(i, n int64) int64 {
		if i < 0 {
			i = max(i+n, 0)
		}
		return min(i, n)
	}
	ends := []int64{math.MinInt64, -1 << 40, -7, -3, -2, -1, 0, 1, 2, 3, 7, 1 << 40, math.MaxInt64}
	for _, text := range []string{"N", "2*N", "N+2", "max(N-1,0)", "C*N", "N-max(N-3,0)", "4", "0"} {
		d, err := tensor.ParseDim(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, start := range ends {
			for _, end := range ends {
				before, size, behind, err := d.Cut(start, end)
				if err != nil {
					t.Fatalf("%v[%d:%d]: %v", d, start, end, err)
				}
				if all, err := tensor.Sum(before, size, behind); err != nil || all != d {
					t.Errorf("%v[%d:%d]: the parts %v, %v and %v add up to %v, %v", d, start, end, before, size, behind, all, err)
				}
				for n := range int64(9) {
					s := map[string]int64{"N": n, "C": 2}
					whole := eval(t, d, s)
					from, to := clip(start, whole), clip(end, whole)
					want := max(0, to-from)
					got := [3]int64{eval(t, before, s), eval(t, size, s), eval(t, behind, s)}
					if got[1] != want || got[0] < 0 || got[2] < 0 || want > 0 && got[0] != from {
						t.Errorf("%v[%d:%d] with N = %d has parts %v, want %d from %d on", d, start, end, n, got, want, from)
					}
				}
			}
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range [][2]string{
		{"N", "N"}, {"N*1+0", "N"}, {"1+N", "N+1"}, {"N*2+N", "3*N"}, {"W*H", "H*W"}, {"N*C*2*3", "6*C*N"},
		{"-1+T", "T-1"}, {"-N+3", "3-N"}, {"N-N", "0"}, {"2*3+4", "10"}, {"B-A+C", "B+C-A"}, {"0*N+5", "5"},
		{"max(N,0)", "N"}, {"max(N-1,0)", "max(N-1,0)"}, {"max(2*N-2,0)", "2*max(N-1,0)"}, {"max(-1*N,0)", "0"},
		{"max(max(N-1,0)-1,0)", "max(N-2,0)"}, {"max(N-max(N-1,0),0)", "N-max(N-1,0)"}, {"max(3,0)", "3"}, {"max(1-3,0)", "0"},
		{"max", "max"}, {"max*max(max-1,0)", "max*max(max-1,0)"}, {`"a b"*2`, `2*"a b"`},
		{"max(N-1,0)*max(N-1,0)", "max(N-1,0)*max(N-1,0)"},
	} {
		d, err := tensor.ParseDim(c[0])
		if err != nil || d.String() != c[1] {
			t.Errorf("%s is %v, %v, want %s", c[0], d, err, c[1])
		}
		if again, err := tensor.ParseDim(d.String()); err != nil || again != d {
			t.Errorf("%v reads as %v, %v", d, again, err)
		}
	}
}

// TestSlices says what the sizes of usual ranges look like.
func TestSlices(t *testing.T) {
	cut := func(d Dim, start, end int64) Dim {
		_, size, _, err := d.Cut(start, end)
		if err != nil {
			t.Fatal(err)
		}
		return size
	}
	n := tensor.S("N")
	for _, c := range []struct {
		got  Dim
		want string
	}{
		{cut(n, 1, math.MaxInt64), "max(N-1,0)"}, {cut(n, 1, 1<<40), "max(N-1,0)"}, {cut(n, 0, -1), "max(N-1,0)"},
		{cut(n, 2, -3), "max(N-5,0)"}, {cut(n, 0, 3), "N-max(N-3,0)"}, {cut(n, -1, math.MaxInt64), "N-max(N-1,0)"},
		{cut(cut(n, 1, math.MaxInt64), 1, math.MaxInt64), "max(N-2,0)"}, {cut(cut(n, 0, -1), 1, -2), "max(N-4,0)"},
		{cut(do(n.Add(n)), 2, math.MaxInt64), "2*max(N-1,0)"}, {cut(do(n.Add(tensor.D(1))), 1, math.MaxInt64), "N"},
		{cut(n, 0, 0), "0"}, {cut(n, 3, 2), "0"},
	} {
		if c.got.String() != c.want {
			t.Errorf("got %v, want %s", c.got, c.want)
		}
	}
	if least, most := cut(n, 1, 2).Bounds(); least != 0 || most != 1 {
		t.Errorf("x[1:2] has %d to %d elements", least, most)
	}
	if least, most := cut(n, 1, math.MaxInt64).Bounds(); least != 0 || most != math.MaxInt64 {
		t.Errorf("x[1:] has %d to %d elements", least, most)
	}
}

func TestParseDimRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "not expected", "N+": "not expected", "+": "not expected", "2N": `"N" is not expected`, "N M": "not expected",
		"N//2": "not expected", "max(N,1)": "not expected", "max(N-1,0": "not expected", "(N)": "not expected", "N--1": "not expected",
		"9223372036854775808": "too large", "9223372036854775807*2": "too large", "9223372036854775807*N*2": "too large",
		"9223372036854775807*N+N": "too large", "-9223372036854775807-1": "too large", "N?1": "not expected", "?1": "not expected",
		"é": "not expected", strings.Repeat("N*", 200) + "N": "longer than 256",
		"max(max(max(max(max(N-1,0)-M,0)-1,0)-M,0)-1,0)": "not expected",
	} {
		if d, err := tensor.ParseDim(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q reads as %v, error %v, want %q", text, d, err, want)
		}
	}
}

// TestForeign: any text is a dim, and no two texts are mixed up.
func TestForeign(t *testing.T) {
	for text, want := range map[string]string{
		"s77//2 + 1": `"s77//2 + 1"`, "": `""`, "5": `"5"`, "\x1b[31m": `"\x1b[31m"`, "batch size": `"batch size"`,
		"2*s0": "2*s0", "?1": `"?1"`, "kept?1": `"kept?1"`, `"a b"`: `"a b"`, "N-N": `"N-N"`,
	} {
		d := tensor.S(text)
		if d.String() != want || d.Known() {
			t.Errorf("S(%q) is %v, want %s", text, d, want)
		}
		twice, err := d.Add(d)
		half, err2 := twice.Sub(d)
		if err != nil || err2 != nil || half != d {
			t.Errorf("%v + %v = %v, less one %v: %v, %v", d, d, twice, half, err, err2)
		}
	}
	kept := tensor.Unknown("kept", 1)
	if kept == tensor.S("kept?1") || !kept.IsLetter() || !kept.IsUnknown() || tensor.S("kept_1").IsUnknown() || do(kept.Add(tensor.D(1))).String() != "kept?1+1" {
		t.Errorf("an unknown size reads as a letter: %v", kept)
	}
	renamed, err := do(kept.Mul(tensor.S("N"))).Rename(strings.ToLower)
	if err != nil || renamed.String() != "kept?1*n" {
		t.Errorf("renamed: %v, %v", renamed, err)
	}
}

func TestLimits(t *testing.T) {
	large := tensor.D(math.MaxInt64)
	n := tensor.S("N")
	for name, f := range map[string]func() (Dim, error){
		"sum":     func() (Dim, error) { return large.Add(tensor.D(1)) },
		"product": func() (Dim, error) { return large.Mul(tensor.D(2)) },
		"terms":   func() (Dim, error) { return tensor.Product(large, n, tensor.D(2)) },
		"square":  func() (Dim, error) { return tensor.Product(tensor.D(1<<32), n, tensor.D(1<<32)) },
		"length": func() (d Dim, err error) {
			for i := 0; err == nil && i < 300; i++ {
				d, err = d.Add(tensor.S(fmt.Sprintf("N%d", i)))
			}
			return d, err
		},
	} {
		if d, err := f(); err == nil {
			t.Errorf("%s: got %v, want an error", name, d)
		}
	}
	square := do(n.Mul(n))
	if n, err := square.Eval(map[string]int64{"N": 1 << 40}); err == nil {
		t.Errorf("N*N of 2^40 is %d, want an error", n)
	}
	if n, err := square.Eval(nil); err == nil || !strings.Contains(err.Error(), "size N is not known") {
		t.Errorf("N*N of nothing is %d, %v", n, err)
	}
	if !slices.Equal(do(do(square.Sub(tensor.S("M"))).Clamp()).Letters(), []string{"M", "N"}) {
		t.Error("a letter is missing")
	}
}

func FuzzParseDim(f *testing.F) {
	for _, text := range []string{"N", "2*N+1", "max(N-1,0)*C-3", `"a b"+1`, "max(max(A-B,0)-C*max(D-1,0),0)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := tensor.S(text)
		if d.Known() {
			t.Fatalf("S(%q) is %v", text, d)
		}
		if d, err := tensor.ParseDim(text); err == nil {
			if again, err := tensor.ParseDim(d.String()); err != nil || again != d {
				t.Fatalf("%q is %v, which reads as %v, %v", text, d, again, err)
			}
		}
	})
}
