package main

import (
	"embed"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/npy"
)

//go:embed data/diabetes.csv data/*.npy
var files embed.FS

const (
	features = 10
	folds    = 5
	// What corrupts a training target: recorded in a wrong unit.
	factor = 5
	// Targets are trained as (target - center) / unit. These are constants, since
	// the mean and deviation of the targets would move with the outliers.
	center, unit = 150, 75
)

// dataset is the diabetes data, a row for each patient.
type dataset struct {
	x       [][features]float64
	target  []float64
	fold    []int // in which the row is held out
	outlier []bool
}

func readData() (*dataset, error) {
	f, err := files.Open("data/diabetes.csv")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	d := &dataset{}
	for i, line := range lines[1:] {
		var numbers [features + 3]float64
		for j := range numbers {
			if numbers[j], err = strconv.ParseFloat(line[j], 64); err != nil {
				return nil, fmt.Errorf("diabetes.csv, row %d: %w", i+1, err)
			}
		}
		d.x = append(d.x, [features]float64(numbers[:features]))
		d.target = append(d.target, numbers[features])
		d.fold = append(d.fold, int(numbers[features+1]))
		d.outlier = append(d.outlier, numbers[features+2] == 1)
	}
	return d, nil
}

// batch is what a step of training takes, and the rows that it comes from.
type batch struct {
	rows     []int
	features *tensor.Tensor
	target   []float32
}

// split returns a fold's training rows, corrupted or not, and its held-out rows
// with their true targets. Features are standardized by the training rows.
func (d *dataset) split(fold int, corrupted bool) (train, test batch) {
	for i, f := range d.fold {
		if f == fold {
			test.rows = append(test.rows, i)
		} else {
			train.rows = append(train.rows, i)
		}
	}
	mean, deviation := d.moments(train.rows)
	for _, b := range []*batch{&train, &test} {
		var x []float64
		for _, i := range b.rows {
			for j, v := range d.x[i] {
				x = append(x, (v-mean[j])/deviation[j])
			}
			y := d.target[i]
			if corrupted && d.outlier[i] && b == &train {
				y *= factor
			}
			b.target = append(b.target, float32((y-center)/unit))
		}
		b.features = tensor.FromFloats(tensor.Float32, []int64{int64(len(b.rows)), features}, x)
	}
	return train, test
}

func (d *dataset) moments(rows []int) (mean, deviation [features]float64) {
	n := float64(len(rows))
	for _, i := range rows {
		for j, v := range d.x[i] {
			mean[j] += v / n
		}
	}
	for _, i := range rows {
		for j, v := range d.x[i] {
			deviation[j] += (v - mean[j]) * (v - mean[j]) / n
		}
	}
	for j, v := range deviation {
		deviation[j] = math.Sqrt(v)
	}
	return mean, deviation
}

// initial returns the parameters that every training starts from.
func initial(outputs int) (map[string]*tensor.Tensor, error) {
	w1, err := weights("data/w1.npy")
	if err != nil {
		return nil, err
	}
	column, err := weights("data/w2.npy")
	if err != nil {
		return nil, err
	}
	w2 := tensor.New(tensor.Float32, hidden, int64(outputs))
	for i, v := range tensor.View[float32](column) {
		for j := range outputs { // every output starts the same
			tensor.View[float32](w2)[i*outputs+j] = v
		}
	}
	return map[string]*tensor.Tensor{
		"w1": w1, "b1": tensor.New(tensor.Float32, hidden),
		"w2": w2, "b2": tensor.New(tensor.Float32, int64(outputs)),
	}, nil
}

func weights(name string) (*tensor.Tensor, error) {
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return npy.Decode(data)
}
