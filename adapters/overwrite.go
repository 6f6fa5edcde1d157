package adapters

import (
	"bufio"
	"errors"
	"fmt"
	gobuild "go/build"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/module"
)

// This file keeps sources from taking the place of others.

// mark is the first line of a source: by it the next source knows that it may be
// replaced, and whose it is.
func mark(parts string, d *Data) string {
	leader := "//"
	if parts == "python.tmpl" {
		leader = "#"
	}
	// Python takes the word "coding" in a first line for the name of an encoding.
	name := strings.ReplaceAll(strconv.QuoteToASCII(string(d.File())), "coding", `\x63oding`)
	return fmt.Sprintf("%s Written by lossgen for %s, and replaced when that is emitted again.\n\n", leader, name)
}

var marked = regexp.MustCompile(`^(?:#|//) Written by lossgen for ("(?:[^"\\]|\\.)*"), and replaced when that is emitted again\.$`)

// writtenFor returns the name of the .onnx file that a source was written for, or
// "" where it is no source of lossgen's.
func writtenFor(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	found := marked.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
	if found == nil {
		return "", nil
	}
	name, err := strconv.Unquote(found[1])
	if err != nil {
		return "", nil // edited: no longer lossgen's
	}
	return name, nil
}

// Refuse returns an error where a source of a file called stem would replace what
// lossgen did not write for that file, or would not compile beside a source that
// is in the folder. files are those that [Write] returns.
func Refuse(folder, stem string, files map[string][]byte) error {
	own := stem + ".onnx"
	for _, name := range sorted(files) {
		path := filepath.Join(folder, name)
		owner, err := writtenFor(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("%s is in the way of the adapter: %w", path, bare(err))
		case owner == "":
			return fmt.Errorf("%s is there and was not written by lossgen: move it away, or choose another name than %q", path, own)
		case owner != own:
			return fmt.Errorf("%s is the adapter of %q, and %q gives the same name: choose another", path, owner, own)
		}
		if err := refuseTypes(folder, name, stem); err != nil {
			return err
		}
	}
	return nil
}

// refuseTypes finds sources in the folder that declare the same names.
func refuseTypes(folder, name, stem string) error {
	i := slices.IndexFunc(Stacks, func(s Stack) bool { return s.declares != nil && filepath.Ext(s.File) == filepath.Ext(name) })
	if i < 0 {
		return nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be read: %w", folder, bare(err))
	}
	declares := func(stem string) []string { return Stacks[i].declares(Stacks[i].names.className(stem)) }
	for _, e := range entries {
		if filepath.Ext(e.Name()) != filepath.Ext(name) || e.Name() == name || e.IsDir() {
			continue
		}
		other, err := writtenFor(filepath.Join(folder, e.Name()))
		if err != nil || other == "" {
			continue // what lossgen did not write is the user's own care
		}
		theirs := declares(strings.TrimSuffix(other, ".onnx"))
		for _, own := range declares(stem) {
			if slices.Contains(theirs, own) {
				return fmt.Errorf("%q would declare %s, which %s declares too, for %q: choose another name",
					stem+".onnx", own, filepath.Join(folder, e.Name()), other)
			}
		}
	}
	return nil
}

// embeds says why Go cannot have a source or its file, and gives the source
// another name where go build would take it for a test or for one system only.
func embeds(d *Data) error {
	// The go command takes no file that could be read as a flag or by a shell.
	plain := regexp.MustCompile(`^[\pL0-9._]`).MatchString(string(d.File()))
	if err := module.CheckFilePath(string(d.File())); err != nil || !plain {
		return fmt.Errorf("the file %q cannot be embedded by Go: choose another name, of letters, digits and _", string(d.File()))
	}
	anywhere := gobuild.Context{GOOS: "none", GOARCH: "none", OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package losses")), nil
	}}
	built, err := anywhere.MatchFile("", string(d.Source))
	if err != nil {
		return err
	}
	if !built || strings.HasSuffix(d.Name, "_test") {
		d.Name += "_loss"
		d.Source = Text(d.Name + ".go")
	}
	return nil
}

// embedPattern is the pattern that finds a file of this name only.
func embedPattern(name Text) Text {
	return Text(strings.NewReplacer("[", `\[`, "]", `\]`).Replace(string(name)))
}

func sorted(files map[string][]byte) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// bare strips the path from an error of package os: messages name it themselves.
func bare(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
