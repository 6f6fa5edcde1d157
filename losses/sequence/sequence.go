// Package sequence declares losses of whole sequences, which sum over alignments.
package sequence

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		CTC,
		CRF,
		SoftDTW,
	}
}
