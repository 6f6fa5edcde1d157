package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
)

// This file names the files of outputs. The names of outputs are whatever the
// writer of a model has chosen.

// maxFileName bounds the name of a file, without its folder and ending.
const maxFileName = 200

// fileNames returns the file name of each output without its ending: the output's
// name, in which all that might mean something to a file system is written as %XX.
func fileNames(ports []ir.Port) (map[string]string, error) {
	names, folded := map[string]string{}, map[string]string{}
	for _, p := range ports {
		name := fileName(p.Name)
		if len(name) > maxFileName {
			return nil, fmt.Errorf("output %q: its name is too long for a file", p.Name[:maxFileName/4]+"...")
		}
		lower := strings.ToLower(name)
		if other, ok := folded[lower]; ok {
			return nil, fmt.Errorf("outputs %q and %q would be one file where case does not count", other, p.Name)
		}
		names[p.Name], folded[lower] = name, p.Name
	}
	return names, nil
}

// reserved are the names that are devices in every folder of Windows, whatever
// their ending.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(\.|$)`)

func fileName(name string) string {
	var out strings.Builder
	device := reserved.MatchString(name)
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		inside := i > 0 && (c == '.' || c == '-')
		if letter && !(i == 0 && device) || c == '_' || inside {
			out.WriteByte(c)
			continue
		}
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}
