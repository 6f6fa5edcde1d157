package losses_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// TestConcurrentBuilds: goroutines may build from one plan. The race detector sees
// a plan that changes while its model is built.
func TestConcurrentBuilds(t *testing.T) {
	for _, l := range all.Losses() {
		r := losses.Request{Catalog: all.Losses(), Loss: l.Declaration().Name, Normalizer: true}
		p, err := r.Resolve()
		if err != nil { // not every loss has that output
			r.Normalizer = false
			p, err = r.Resolve()
		}
		if err != nil {
			t.Fatal(err)
		}
		var files [4][]byte
		var wg sync.WaitGroup
		for i := range files {
			wg.Go(func() {
				m, err := p.Model()
				if err == nil {
					files[i], err = export.Encode(m, nil)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, f := range files[1:] {
			if !bytes.Equal(f, files[0]) {
				t.Errorf("%s: goroutines get different files from one plan", p.Loss)
			}
		}
	}
}
