package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export"
)

// This file reads models that anybody may have written.

// The largest files that are read. An ONNX file cannot be larger than 2 GiB; what
// is no regular file tells no size, and may have no end.
const (
	maxFile   = 2 << 30
	maxStream = 64 << 20
)

// readModel reads an ONNX file and checks that it makes sense.
func readModel(path string) (*ir.Model, []byte, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	m, err := export.Unmarshal(data)
	if err == nil {
		err = export.CheckForeign(m)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, data, nil
}

// readFile reads a file up to the largest size.
func readFile(path string) ([]byte, error) {
	data, err := readAtMost(path, maxFile, maxStream)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, bare(err))
	}
	return data, nil
}

// readAtMost reads a regular file of at most file bytes, or another of at most
// stream.
func readAtMost(path string, file, stream int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	limit := stream
	if info.Mode().IsRegular() {
		limit = file
	}
	if info.Mode().IsRegular() && info.Size() > limit {
		return nil, tooLarge(limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = tooLarge(limit)
	}
	return data, err
}

func tooLarge(limit int64) error {
	return errors.New("it has more than " + bytesText(limit) + ", which no model needs")
}

// bytesText writes a number of bytes that a power of 1024 divides.
func bytesText(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB"}
	i := 0
	for ; i < len(units)-1 && n >= 1024 && n%1024 == 0; i++ {
		n /= 1024
	}
	return fmt.Sprintf("%d %s", n, units[i])
}
