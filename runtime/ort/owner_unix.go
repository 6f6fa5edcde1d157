//go:build unix

package ort

import (
	"fmt"
	"os"
	"syscall"
)

// foreign says why a file or folder is not the user's own, "" when it is: it
// belongs to somebody else than the user and the administrator, or everybody may
// write to it.
func foreign(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "it cannot be looked at"
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return "its owner is not known"
	case owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return fmt.Sprintf("it belongs to the user %d", owner.Uid)
	case info.Mode().Perm()&0o002 != 0:
		return "everybody may write to it"
	}
	return ""
}
