package ort

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// scalarVersion is the first ONNX Runtime that computes a rank-0 result into a
// buffer of shape [1], the only buffer that the binding offers for half types.
const scalarVersion = "1.32"

var versionInName = regexp.MustCompile(`\.(\d+\.\d+(\.\d+)?)(\.dylib)?$`)

// fileVersion returns the version in a library's file name, or "" where the
// name carries only the interface version (libonnxruntime.so.1) or none.
func fileVersion(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if m := versionInName.FindStringSubmatch(filepath.Base(path)); m != nil {
		return m[1]
	}
	return ""
}

// older reports whether version comes before limit. Both are "major.minor...".
func older(version, limit string) bool {
	major, minor := parseVersion(version)
	limitMajor, limitMinor := parseVersion(limit)
	if major != limitMajor {
		return major < limitMajor
	}
	return minor < limitMinor
}

func parseVersion(version string) (major, minor int) {
	parts := strings.SplitN(version, ".", 3)
	major, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	return major, minor
}
