package export

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes data to the file at path, all of it or nothing: it fills a
// temporary file in the same folder and renames it, so that an existing file is
// replaced in one step and stays as it was on failure. A new file gets the mode
// 0644 less the umask, an existing one keeps its mode, and a symbolic link keeps
// pointing at the file. A device or pipe is written to directly. Errors name
// path and wrap the cause. A process that is killed meanwhile may leave the
// temporary file, .lossgen- and some letters; one that is interrupted leaves none.
func WriteFile(path string, data []byte) error {
	if err := writeFile(path, data); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, cause(err))
	}
	return nil
}

func writeFile(path string, data []byte) error {
	keep := fs.FileMode(0)
	switch info, err := os.Stat(path); {
	case err != nil: // a new file, or the steps below say what is wrong
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular():
		return os.WriteFile(path, data, 0o644)
	default:
		keep = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	temp := filepath.Join(filepath.Dir(path), ".lossgen-"+rand.Text())
	if err := create(temp, data, keep); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	return nil
}

// create writes a file that does not exist yet, and removes it on failure. A mode
// to keep is set exactly; without one the umask has its say.
func create(path string, data []byte, keep fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && keep != 0 {
		err = f.Chmod(keep)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

// cause strips the temporary file's name from an error of package os.
func cause(err error) error {
	var pathError *fs.PathError
	var linkError *os.LinkError
	switch {
	case errors.As(err, &pathError):
		return pathError.Err
	case errors.As(err, &linkError):
		return linkError.Err
	default:
		return err
	}
}
