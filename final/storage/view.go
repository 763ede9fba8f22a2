package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// View is what layers show as one, without a mount: the files of an image, or of a
// container, running or not. Its layers are given from the top down.
type View struct {
	Driver Driver
	Layers []string
}

// maxLinks is how many symbolic links the kernel follows in a path, too
// (path_resolution(7)).
const maxLinks = 40

// Archive writes the folder at name, a path in the view, as a tar archive: what is
// in it, with paths from it on, and it itself as "./". Links in the name lead to
// places in the view. The error is unix.ENOENT if there is nothing, and
// unix.ENOTDIR if it is something else.
func (v View) Archive(out io.Writer, name string) error {
	folder, err := v.open(name)
	if err != nil {
		return fmt.Errorf("open %q in the layers: %w", name, err)
	}
	defer folder.close()
	archive := newArchive(out)
	if err := archive.root(folder.folders[0]); err != nil {
		return err
	}
	if err := archive.stack(folder, ""); err != nil {
		return fmt.Errorf("archive %q: %w", name, err)
	}
	return archive.close()
}

// stack writes all that is in a folder of a union.
func (a *archive) stack(folder *stack, prefix string) error {
	children, err := folder.children()
	if err != nil {
		return err
	}
	for _, child := range children {
		name := prefix + child.name
		if err := a.add(name, child.folders[0], child.entry); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if child.isFolder() {
			if err := a.subfolder(folder, child, name+"/"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *archive) subfolder(folder *stack, child *child, prefix string) error {
	below, err := folder.enter(child)
	if err != nil {
		return err
	}
	defer below.close()
	return a.stack(below, prefix)
}

// open opens the folder at a path in the view.
func (v View) open(name string) (*stack, error) {
	resolved, err := v.resolve(name)
	if err != nil {
		return nil, err
	}
	return v.descend(resolved)
}

// resolve returns the path in the view, without links, of what is at a path.
func (v View) resolve(name string) (string, error) {
	resolved, links := "/", 0
	rest := strings.Split(name, "/")
	for len(rest) > 0 {
		element := rest[0]
		rest = rest[1:]
		if element == ".." {
			resolved = path.Dir(resolved)
		}
		if element == "" || element == "." || element == ".." {
			continue
		}
		target, err := v.link(resolved, element)
		if err != nil {
			return "", err
		}
		if target == "" {
			resolved = path.Join(resolved, element)
			continue
		}
		if links++; links > maxLinks {
			return "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			resolved = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return resolved, nil
}

// ReadFile returns the content of the file at name, a path in the view, which may
// have limit bytes. Links in the name lead to places in the view. The error is
// unix.ENOENT if there is nothing; what is no file, and might never end, is an error.
func (v View) ReadFile(name string, limit int64) ([]byte, error) {
	content, err := v.readFile(name, limit)
	if err != nil {
		return nil, fmt.Errorf("read %q in the layers: %w", name, err)
	}
	return content, nil
}

func (v View) readFile(name string, limit int64) ([]byte, error) {
	resolved, err := v.resolve(name)
	if err != nil {
		return nil, err
	}
	folder, err := v.descend(path.Dir(resolved))
	if err != nil {
		return nil, err
	}
	defer folder.close()
	child, err := folder.child(path.Base(resolved))
	switch {
	case err != nil:
		return nil, err
	case child == nil:
		return nil, unix.ENOENT
	case !child.is(unix.S_IFREG):
		return nil, errors.New("it is no file")
	}
	descriptor, err := unix.Openat(child.folders[0], child.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), name)
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = TooLargeError{limit, "bytes"}
	}
	return content, err
}

// link returns where the entry called name of a folder leads, and "" if it is no
// symbolic link.
func (v View) link(folder, name string) (string, error) {
	above, err := v.descend(folder)
	if err != nil {
		return "", err
	}
	defer above.close()
	child, err := above.child(name)
	if err != nil {
		return "", err
	}
	if child == nil {
		return "", unix.ENOENT
	}
	if !child.is(unix.S_IFLNK) {
		return "", nil
	}
	target, err := readLink(child.folders[0], name)
	if err == nil && target == "" {
		err = unix.ENOENT
	}
	return target, err
}

// descend opens the folder at a clean absolute path that has no links in it.
func (v View) descend(name string) (*stack, error) {
	folder, err := openStack(v.Driver, v.Layers)
	if err != nil {
		return nil, err
	}
	for _, element := range strings.Split(strings.Trim(name, "/"), "/") {
		if element == "" {
			continue
		}
		below, err := folder.down(element)
		folder.close()
		if err != nil {
			return nil, err
		}
		folder = below
	}
	if len(folder.folders) == 0 {
		return nil, errors.New("there is no layer")
	}
	return folder, nil
}

func (s *stack) down(name string) (*stack, error) {
	child, err := s.child(name)
	switch {
	case err != nil:
		return nil, err
	case child == nil:
		return nil, unix.ENOENT
	case !child.isFolder():
		return nil, unix.ENOTDIR
	}
	return s.enter(child)
}
