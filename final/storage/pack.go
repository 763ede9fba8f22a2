package storage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"mytinydocker/final/users"
)

// Tree is a folder that stands for a root: every name is resolved by the kernel as if
// it were one (openat2(2), RESOLVE_IN_ROOT), so that no link leads out of it. The
// folder may be somebody else's, who is changing it.
type Tree struct {
	Root *os.File
	// Users are whose tree it is, of a container that runs with users of its own. In
	// archives, files belong to whom the container says.
	Users users.Range
}

// Found is what a Tree has at a name.
type Found struct {
	Mode fs.FileMode
	Size int64
	// Parent and Name are where it is, without a link in between, or where it would
	// be if it existed.
	Parent, Name string
	Exists       bool
}

// maxFollowed is how many links the kernel follows, too (path_resolution(7)).
const maxFollowed = 40

// Look finds what is at a name. A link at the end of the name is followed if that is
// asked for. What does not exist is no error, but its folder must.
func (t Tree) Look(name string, follow bool) (Found, error) {
	for range maxFollowed {
		parent, base := path.Split(path.Clean("/" + name))
		folder, err := t.open(parent, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return Found{}, &fs.PathError{Op: "open", Path: parent, Err: err}
		}
		found, target, err := lookIn(folder, parent, base)
		unix.Close(folder)
		if err != nil || !follow || found.Mode&fs.ModeSymlink == 0 {
			return found, err
		}
		if !path.IsAbs(target) {
			target = parent + target
		}
		name = target
	}
	return Found{}, &fs.PathError{Op: "open", Path: name, Err: unix.ELOOP}
}

func lookIn(folder int, parent, base string) (Found, string, error) {
	found := Found{Parent: parent, Name: base}
	if base == "" {
		found.Name, base = ".", "."
	}
	var stat unix.Stat_t
	err := unix.Fstatat(folder, base, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return found, "", nil
	}
	if err != nil {
		return found, "", &fs.PathError{Op: "stat", Path: parent + base, Err: err}
	}
	found.Exists, found.Mode, found.Size = true, modeOf(&stat), stat.Size
	target := ""
	if found.Mode&fs.ModeSymlink != 0 {
		target, err = readLink(folder, base)
	}
	return found, target, err
}

func modeOf(stat *unix.Stat_t) fs.FileMode {
	mode := fs.FileMode(stat.Mode & 0o777)
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFREG:
	default:
		mode |= fs.ModeIrregular
	}
	return mode
}

func (t Tree) open(name string, flags uint64) (int, error) {
	return openBelow(int(t.Root.Fd()), name, flags)
}

// Pack writes what was found as a tar archive in which it is called as: a file, or a
// folder with all that is below it. Owners are changed by own, if there is one.
func (t Tree) Pack(out io.Writer, found Found, as string, own func(*tar.Header)) error {
	parent, err := t.open(found.Parent, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return &fs.PathError{Op: "open", Path: found.Parent, Err: err}
	}
	defer unix.Close(parent)
	packed := newArchive(out)
	packed.own = t.owners(own)
	top := &entry{name: found.Name}
	if err := unix.Fstatat(parent, found.Name, &top.stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "stat", Path: path.Join(found.Parent, found.Name), Err: err}
	}
	if err := packed.tree(as, parent, top); err != nil {
		return fmt.Errorf("pack %s: %w", path.Join(found.Parent, found.Name), err)
	}
	return packed.close()
}

// tree adds an entry of a folder and everything below it.
func (a *archive) tree(name string, folder int, top *entry) error {
	if err := a.add(name, folder, top); err != nil {
		return err
	}
	if !top.isFolder() {
		return nil
	}
	below, err := openFolder(folder, top.name)
	if err != nil {
		return ignoreMissing(err)
	}
	defer unix.Close(below)
	children, err := list(plain{}, below)
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := a.tree(path.Join(name, child.name), below, child); err != nil {
			return err
		}
	}
	return nil
}

// Unpack unpacks a tar archive into the folder at a name, which must exist.
func (t Tree) Unpack(archive io.Reader, name string) error {
	folder, err := t.open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(folder)
	// A link of the container's is resolved in its root, wherever in it the folder is.
	return t.unpack(archive, fmt.Sprintf("/proc/self/fd/%d", folder))
}

// plain is no union: in an ordinary folder everything is what it is.
type plain struct{ Driver }

func (plain) classify(*entry)           {}
func (plain) marked(name string) string { return name }
