package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"digits/training"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read[T any](path string, data []T) []T {
	raw, err := os.ReadFile(path)
	check(err)
	check(binary.Read(bytes.NewReader(raw), binary.LittleEndian, data))
	return data
}

func main() {
	steps, err := strconv.Atoi(os.Args[1])
	check(err)
	batch, err := strconv.Atoi(os.Args[2])
	check(err)
	x, y := read("x.bin", make([]float32, steps*batch*64)), read("y.bin", make([]int64, steps*batch))
	at := func(i int) map[string]training.DigitsArray {
		return map[string]training.DigitsArray{
			"x":      {Data: x[i*batch*64 : (i+1)*batch*64], Shape: []int64{int64(batch), 64}},
			"target": {Data: y[i*batch : (i+1)*batch], Shape: []int64{int64(batch)}},
		}
	}
	trainer, err := training.OpenDigitsTrainer(1)
	check(err)
	var losses strings.Builder
	for i := range steps {
		loss, err := trainer.Step(at(i))
		check(err)
		fmt.Fprintln(&losses, loss)
	}
	check(os.WriteFile("losses.txt", []byte(losses.String()), 0o666))
	check(trainer.Save("trained.safetensors"))
	before, err := trainer.Evaluate(at(0))
	check(err)
	equal := func(what string) {
		after, err := trainer.Evaluate(at(0))
		check(err)
		if after != before {
			check(fmt.Errorf("%s gives %v, want %v", what, after, before))
		}
	}
	rate, err := trainer.Get("lr")
	check(err)
	check(trainer.Set("lr", float32(0)))
	_, err = trainer.Step(at(0)) // which leaves all values as they are
	check(err)
	equal("a rate of 0")
	check(trainer.Load("trained.safetensors"))
	equal("loading")
	if again, err := trainer.Get("lr"); err != nil || !bytes.Equal(again, rate) || math.Float32frombits(binary.LittleEndian.Uint32(rate)) != 0.5 {
		check(fmt.Errorf("the rate is %v, want %v: %v", again, rate, err))
	}
	check(os.WriteFile("evaluated.txt", []byte(fmt.Sprintln(before)), 0o666))
	wrong := at(0)
	wrong["target"] = training.DigitsArray{Data: make([]int32, batch), Shape: []int64{int64(batch)}}
	if _, err := trainer.Step(wrong); err == nil {
		check(fmt.Errorf("a wrong batch is taken"))
	}
	delete(wrong, "target")
	if _, err := trainer.Step(wrong); err == nil {
		check(fmt.Errorf("a batch without a target is taken"))
	}
	check(trainer.Close())
}
