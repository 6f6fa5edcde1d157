package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What Linux tells about the machine; elsewhere these say nothing.

func processor() string { return procLine("/proc/cpuinfo", "model name", ":") }

func systemName() string { return strings.Trim(procLine("/etc/os-release", "PRETTY_NAME", "="), `"`) }

func peakMemory() int64 {
	var kilobytes int64
	fmt.Sscanf(procLine("/proc/self/status", "VmHWM", ":"), "%d kB", &kilobytes)
	return kilobytes * 1024
}

// graphicsCards lists the models of the NVIDIA cards, and the driver's version.
func graphicsCards() string {
	var cards []string
	files, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	for _, path := range files {
		if model := procLine(path, "Model", ":"); model != "" {
			cards = append(cards, model)
		}
	}
	if version := procLine("/proc/driver/nvidia/version", "NVRM version", ":"); version != "" {
		cards = append(cards, "driver "+version)
	}
	return strings.Join(cards, ", ")
}

// procLine returns the value of a key in a file of lines "key SEPARATOR value".
func procLine(path, key, separator string) string {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, separator); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
