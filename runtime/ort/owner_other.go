//go:build !unix

package ort

// foreign says why a file or folder is not the user's own. The owner is not asked
// for here.
func foreign(string) string { return "" }
