package verify

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
)

// This file judges files that say to be of another version of lossgen.

// versionKey is the metadata entry that alone may differ in such a file.
const versionKey = "lossgen.version"

// otherDraws is how many sets of inputs the file of another version is compared
// on.
const otherDraws = 16

// fewDraws is how many one of large fixed sizes is compared on.
const fewDraws = 4

// otherVersion compares the file with its request emitted again, but for the
// nodes: what another version computed in another way is to be equal in all that
// it says of itself, and in what comes out. That proves less than equal bytes do,
// and so has to be asked for.
func (f *file) otherVersion(ctx context.Context, engines []Engine, version string) []Check {
	bytes := Check{Name: "bytes", Cases: 1}
	if !f.options.AllowVersion {
		bytes.fail("not proven: the file says to be of lossgen %q, and this is %s, which gives other bytes; to compare what both compute instead, allow other versions (--allow-version)", version, losses.Version)
		return []Check{bytes.done()}
	}
	contents := Check{Name: "contents", Cases: 1}
	contents.note("the file says to be of lossgen %q, and this is %s: contents and outputs are compared instead of bytes, which proves less", version, losses.Version)
	want, err := export.Unmarshal(f.rebuilt)
	if err != nil {
		contents.fail("%v", err)
	} else if text := headDifference(f.model, want, version); text != "" {
		contents.fail("%s", text)
	}
	return append([]Check{contents.done()}, f.sameOutputs(ctx, engines)...)
}

// headDifference says where two models differ, apart from their version and from
// how they compute, "" where they do not.
func headDifference(got, want *ir.Model, version string) string {
	want.ProducerVersion = version
	if version == "" {
		want.ProducerVersion = losses.Version
	}
	isVersion := func(p ir.Prop) bool { return p.Key == versionKey }
	g := *got
	g.Metadata = slices.DeleteFunc(slices.Clone(got.Metadata), isVersion)
	want.Metadata = slices.DeleteFunc(want.Metadata, isVersion)
	return partDifference(&g, want)
}

// sameOutputs compares the file with the rebuilt one by what both compute from
// random inputs. Nobody can know the sizes and numbers before.
func (f *file) sameOutputs(ctx context.Context, engines []Engine) []Check {
	seed := f.options.Seed
	for seed == 0 {
		var bits [8]byte
		crand.Read(bits[:])
		seed = binary.LittleEndian.Uint64(bits[:]) >> 32
	}
	if err := f.within(); err != nil {
		c := Check{Name: "outputs", Cases: 1}
		c.fail("not proven: %v", err)
		return []Check{c.done()}
	}
	var list []Check
	for _, e := range f.judges(engines) {
		c := Check{Name: "outputs", Engine: e.Name(), DType: f.plan.DType.String()}
		c.note("inputs are drawn from the seed %d", seed)
		if err := f.compareOn(ctx, e, seed, &c); err != nil {
			c.fail("%v", err)
		}
		list = append(list, c.done())
	}
	return list
}

// compareOn runs both files on an engine until they differ.
func (f *file) compareOn(ctx context.Context, e Engine, seed uint64, c *Check) error {
	got, err := f.on(e)
	if err != nil {
		return err
	}
	want, err := e.Backend.Open(f.rebuilt, e.Options)
	if err != nil {
		return fmt.Errorf("the rebuilt file: %w", err)
	}
	defer want.Close()
	n := otherDraws
	if largestInput(f.plan, ones(f.plan)) > wholeElements {
		n = fewDraws
	}
	for i := 0; i < n && c.Failed == 0; i++ {
		inputs, where := f.wideDraw(seed, i)
		right, err := want.Run(ctx, inputs)
		outputs, gotErr := got.Run(ctx, inputs)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && gotErr != nil:
			c.Skipped++ // what both refuse
			continue
		case err != nil:
			return fmt.Errorf("%s: the rebuilt file refuses what the file takes: %w", where, err)
		case gotErr != nil:
			return fmt.Errorf("%s: %w", where, gotErr)
		}
		c.Cases++
		f.options.observe(Observation{c.Name, f.plan.Loss, where, e.Name(), f.plan.DType, inputs, outputs})
		f.compareOutputs(e, outputs, right, where, c)
	}
	for i := 0; i < contradictions(f.plan) && c.Failed == 0; i++ {
		inputs, where := f.contradiction(i)
		if _, err := want.Run(ctx, inputs); err == nil {
			continue // what is broadcast, as PyTorch does
		}
		c.Cases++
		if _, err := got.Run(ctx, inputs); err == nil {
			c.fail("%s: the file takes what its request refuses", where)
		}
	}
	if c.Skipped > n/2 {
		return fmt.Errorf("both files refuse %d of %d draws: too few are left to judge by", c.Skipped, n)
	}
	return nil
}

// wideDraw returns inputs of all sizes and magnitudes, and words for them.
func (f *file) wideDraw(seed uint64, i int) (map[string]*tensor.Tensor, string) {
	random := generator(int(seed), "sizes", fmt.Sprint(i))
	sizes := wideSizes(f.plan, i, random)
	inputs := Draw(f.plan, sizes, int(seed)+i, f.upstream())
	for _, port := range f.plan.Ports {
		widen(inputs[port.Name], port.Domain, i, random)
	}
	if t := inputs["grad_output"]; t != nil {
		widen(t, losses.Real, i, random)
	}
	return inputs, fmt.Sprintf("draw %d (%s)", i, sizes)
}
