package reference

import (
	"fmt"
	"unsafe"
)

// tooMuch is the error of what would go beyond the bound of memory.
func tooMuch(what string) error {
	return fmt.Errorf("%s goes beyond the memory that a run may take here: raise the limit, or use the engine ort", what)
}

// ledger counts the bytes of the values that a run holds. Reshaped values share
// their elements, which count once.
type ledger struct {
	left   int64
	owners map[unsafe.Pointer]int // values over the same elements
}

// hold counts a value as held.
func (l *ledger) hold(a *array) {
	key, size := a.memory()
	if l.owners[key]++; l.owners[key] == 1 {
		l.left -= size
	}
}

// drop counts a value as no longer held.
func (l *ledger) drop(a *array) {
	key, size := a.memory()
	if l.owners[key]--; l.owners[key] == 0 {
		delete(l.owners, key)
		l.left += size
	}
}

// memory returns where the elements are, and how many bytes they take.
func (a *array) memory() (unsafe.Pointer, int64) {
	switch {
	case len(a.f) > 0:
		return unsafe.Pointer(unsafe.SliceData(a.f)), 8 * int64(len(a.f))
	case len(a.i) > 0:
		return unsafe.Pointer(unsafe.SliceData(a.i)), 8 * int64(len(a.i))
	}
	return unsafe.Pointer(unsafe.SliceData(a.b)), int64(len(a.b))
}
