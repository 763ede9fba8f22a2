package storage

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// tree makes files below a folder that belongs to somebody else. Every name is
// resolved by the kernel as if that folder were the root of the file system
// (openat2(2), RESOLVE_IN_ROOT): a link in it, absolute or climbing, leads to a
// place inside.
type tree struct {
	root   int
	parent int    // the folder that was last asked for, or -1
	name   string // and what it is called
	stale  bool   // something was removed: the name may lead elsewhere now
}

// openTree opens the folder at path. close ends it.
func openTree(path string) (*tree, error) {
	root, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the folder %s: %w", path, err)
	}
	return &tree{root: root, parent: -1}, nil
}

func (t *tree) close() {
	t.forget()
	unix.Close(t.root)
}

func (t *tree) forget() {
	if t.parent >= 0 {
		unix.Close(t.parent)
	}
	t.parent, t.stale = -1, false
}

// folder opens the folder called name, a clean path without "..", and makes it and
// those above it if they do not exist. The descriptor is the tree's, and good until
// the next call.
func (t *tree) folder(name string) (int, error) {
	if name == "." {
		return t.root, nil
	}
	if t.parent >= 0 && t.name == name && !t.stale {
		return t.parent, nil
	}
	descriptor, err := t.resolve(name)
	if errors.Is(err, unix.ENOENT) {
		if err := t.makeFolder(name); err != nil {
			return -1, err
		}
		descriptor, err = t.resolve(name)
	}
	if err != nil {
		return -1, fmt.Errorf("open the folder %q: %w", name, err)
	}
	t.forget()
	t.parent, t.name = descriptor, name
	return descriptor, nil
}

func (t *tree) resolve(name string) (int, error) {
	return openBelow(t.root, name, unix.O_RDONLY|unix.O_DIRECTORY)
}

// openBelow opens a name as if folder were the root of the file system.
func openBelow(folder int, name string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for {
		descriptor, err := unix.Openat2(folder, name, &how)
		// EAGAIN: something was renamed meanwhile, and ".." cannot be trusted.
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return descriptor, err
		}
	}
}

func (t *tree) makeFolder(name string) error {
	above, err := t.folder(path.Dir(name))
	if err != nil {
		return err
	}
	if err := unix.Mkdirat(above, path.Base(name), 0o755); err != nil {
		return fmt.Errorf("make the folder %q: %w", name, err)
	}
	return nil
}

// remove removes what is called name in folder, with everything below it.
func (t *tree) remove(folder int, name string) error {
	t.stale = true
	return removeAt(folder, name)
}
