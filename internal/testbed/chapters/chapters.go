// Package chapters knows the chapters and the rules that they keep: which files
// one changes of the one before, what they import, and how a README is built.
package chapters

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Chapter is one chapter. Its files are those of the chapter before, byte for
// byte, but for the changed ones; new files are its own.
type Chapter struct {
	Folder  string
	Title   string
	Changes []string // files of the chapter before that it changes
}

// All are the chapters in their order. What a README says is always new.
var All = []Chapter{
	{Folder: "stage01-namespaces", Title: "namespaces"},
	{Folder: "stage02-cgroups", Title: "cgroups", Changes: []string{"main.go", "run.go", "break_test.go", "testbed_test.go"}},
	{
		Folder: "stage03-aufs-pivotroot", Title: "layers and pivot_root",
		Changes: []string{"main.go", "run.go", "init.go", "pipe.go", "break_test.go", "testbed_test.go"},
	},
	{
		Folder: "stage04-volumes-commit", Title: "volumes and commit",
		Changes: []string{"main.go", "run.go", "rootfs.go", "unpack.go", "break_test.go"},
	},
	{
		Folder: "stage05-ps-logs-exec", Title: "ps, logs, exec",
		Changes: []string{"main.go", "run.go", "init.go", "pipe.go", "terminal.go", "rootfs.go", "commit.go", "break_test.go", "supervise_test.go", "parent_test.go"},
	},
	{
		Folder: "stage06-network-ipam", Title: "networks and addresses",
		Changes: []string{"main.go", "run.go", "container.go", "init.go", "pipe.go", "record.go", "rm.go", "break_test.go"},
	},
}

// Programs are the packages of those programs that tests run beside the chapters and
// tinydocker.
var Programs = []string{"./final/museum/probe", "./internal/base/box", "./internal/testbed/steps/killer"}

// Carry copies a file of a chapter to the later ones, up to the first that
// changes it, and returns the paths that it has written. That chapter's own
// version has to be changed by hand.
func Carry(root, path string) ([]string, error) {
	folder, name := filepath.Split(filepath.Clean(path))
	first := slices.IndexFunc(All, func(c Chapter) bool { return c.Folder == filepath.Clean(folder) })
	if first < 0 {
		return nil, fmt.Errorf("%s is no file of a chapter: give it as %s/FILE", path, All[0].Folder)
	}
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return nil, err
	}
	var written []string
	for _, chapter := range All[first+1:] {
		if slices.Contains(chapter.Changes, name) {
			break
		}
		target := filepath.Join(chapter.Folder, name)
		if err := os.WriteFile(filepath.Join(root, target), content, 0o644); err != nil {
			return written, err
		}
		written = append(written, target)
	}
	return written, nil
}

// Differences returns what the chapter next does to the files of the chapter
// before that its list of changes does not say, and what the list says in vain.
func Differences(root string, before, next Chapter) ([]string, error) {
	var wrong []string
	err := fs.WalkDir(os.DirFS(filepath.Join(root, before.Folder)), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(name, "README.") {
			return err
		}
		same, err := sameFile(filepath.Join(root, before.Folder, name), filepath.Join(root, next.Folder, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			wrong = append(wrong, fmt.Sprintf("%s/%s is missing", next.Folder, name))
		case err != nil:
			return err
		case !same && !slices.Contains(next.Changes, name):
			wrong = append(wrong, fmt.Sprintf("%s/%s differs from the chapter before: carry it on, or list it as changed", next.Folder, name))
		case same && slices.Contains(next.Changes, name):
			wrong = append(wrong, fmt.Sprintf("%s/%s is listed as changed and is the same", next.Folder, name))
		}
		return nil
	})
	return wrong, err
}

func sameFile(one, other string) (bool, error) {
	a, err := os.ReadFile(one)
	if err != nil {
		return false, err
	}
	b, err := os.ReadFile(other)
	if err != nil {
		return false, err
	}
	return bytes.Equal(a, b), nil
}
