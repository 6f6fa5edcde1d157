// Package composition declares losses that are made of others.
package composition

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		MultiTask,
	}
}
