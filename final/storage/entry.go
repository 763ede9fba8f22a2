package storage

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// entry is what a folder of a layer has under a name.
type entry struct {
	name     string // in the container
	stat     unix.Stat_t
	whiteout bool // it hides what lower layers have under its name
	internal bool // it is the driver's own
}

func (e *entry) is(kind uint32) bool { return !e.whiteout && e.stat.Mode&unix.S_IFMT == kind }
func (e *entry) isFolder() bool      { return e.is(unix.S_IFDIR) }

// list returns the entries of a folder, by name. One that is removed meanwhile is
// not among them.
func list(driver Driver, folder int) ([]*entry, error) {
	// A descriptor of its own: the one we have may have been read to its end.
	descriptor, err := openFolder(folder, ".")
	if err != nil {
		return nil, err
	}
	opened := os.NewFile(uintptr(descriptor), ".")
	defer opened.Close()
	names, err := opened.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list a folder of a layer: %w", err)
	}
	entries := make([]*entry, 0, len(names))
	for _, name := range names {
		entry := &entry{name: name}
		err := unix.Fstatat(folder, name, &entry.stat, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at %q: %w", name, err)
		}
		if driver.classify(entry); !entry.internal {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return entries, nil
}

// look returns what a folder has under a name, or nil.
func look(driver Driver, folder int, name string) (*entry, error) {
	for _, onDisk := range slices.Compact([]string{driver.marked(name), name}) {
		entry := &entry{name: onDisk}
		err := unix.Fstatat(folder, onDisk, &entry.stat, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENAMETOOLONG) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at %q: %w", name, err)
		}
		if driver.classify(entry); !entry.internal {
			return entry, nil
		}
	}
	return nil, nil
}

// openFolder opens a folder in a folder, and not one that a link leads to.
func openFolder(folder int, name string) (int, error) {
	return unix.Openat(folder, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}
