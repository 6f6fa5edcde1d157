package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
func readModel(path string) (*ir.Model, []byte, error) { return readWith(path, export.Unmarshal) }

// readModelWithData is [readModel] of a file whose tensors may be in others of its folder.
func readModelWithData(path string) (*ir.Model, error) {
	m, _, err := readWith(path, func(data []byte) (*ir.Model, error) { return export.UnmarshalIn(data, filepath.Dir(path)) })
	return m, err
}

func readWith(path string, read func(data []byte) (*ir.Model, error)) (*ir.Model, []byte, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	m, err := read(data)
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

var byteUnits = []string{"GiB", "MiB", "KiB", "B"}

// bytesText writes a number of bytes in the largest unit that divides it.
func bytesText(n int64) string {
	for i, unit := range byteUnits {
		if size := int64(1) << (10 * (len(byteUnits) - 1 - i)); n%size == 0 {
			return fmt.Sprintf("%d %s", n/size, unit)
		}
	}
	return ""
}

// parseBytes reads a number of bytes such as "512MiB"; without a unit it is bytes.
func parseBytes(text string) (int64, error) {
	size := int64(1)
	for i, unit := range byteUnits {
		if number, ok := strings.CutSuffix(text, unit); ok {
			text, size = number, int64(1)<<(10*(len(byteUnits)-1-i))
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err == nil && n > math.MaxInt64/size {
		err = errors.New("too many")
	}
	return n * size, err
}
