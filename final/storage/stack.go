package storage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// stack is one folder of a union: the folders of its layers, opened, that make it
// up, from the top down.
type stack struct {
	driver  Driver
	folders []int
}

// openStack opens the roots of layers.
func openStack(driver Driver, layers []string) (*stack, error) {
	opened := &stack{driver: driver}
	for _, layer := range layers {
		last, err := opened.push(unix.AT_FDCWD, layer)
		if err != nil {
			opened.close()
			return nil, fmt.Errorf("open the layer %s: %w", layer, err)
		}
		if last {
			break
		}
	}
	return opened, nil
}

// push opens the next lower folder, and tells whether it hides all below it.
func (s *stack) push(above int, name string) (last bool, err error) {
	folder, err := openFolder(above, name)
	if err != nil {
		return false, err
	}
	s.folders = append(s.folders, folder)
	return s.driver.sealed(folder)
}

func (s *stack) close() {
	for _, folder := range s.folders {
		unix.Close(folder)
	}
}

// child is an entry of a union.
type child struct {
	*entry
	folders []int // that have it; more than one only if it is a folder itself
	closed  bool  // lower layers add nothing to it
}

// add tells a child what the next lower folder has under its name.
func (c *child) add(lower *entry, folder int) {
	switch {
	case c.closed:
	case lower.isFolder():
		c.folders = append(c.folders, folder)
	default:
		c.closed = true
	}
}

// children returns the entries of the folder, by name.
func (s *stack) children() ([]*child, error) {
	known := make(map[string]*child)
	var all []*child
	for _, folder := range s.folders {
		entries, err := list(s.driver, folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if child := known[entry.name]; child != nil {
				child.add(entry, folder)
				continue
			}
			known[entry.name] = &child{entry: entry, folders: []int{folder}, closed: !entry.isFolder()}
			if !entry.whiteout {
				all = append(all, known[entry.name])
			}
		}
	}
	slices.SortFunc(all, func(a, b *child) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// child returns the entry called name, or nil.
func (s *stack) child(name string) (*child, error) {
	var found *child
	for _, folder := range s.folders {
		entry, err := look(s.driver, folder, name)
		switch {
		case err != nil:
			return nil, err
		case entry == nil:
			continue
		case found != nil:
			found.add(entry, folder)
		case entry.whiteout:
			return nil, nil
		default:
			found = &child{entry: entry, folders: []int{folder}, closed: !entry.isFolder()}
		}
	}
	return found, nil
}

// enter opens a child that is a folder.
func (s *stack) enter(child *child) (*stack, error) {
	opened := &stack{driver: s.driver}
	for _, folder := range child.folders {
		last, err := opened.push(folder, child.name)
		if errors.Is(err, unix.ENOENT) {
			continue // removed meanwhile
		}
		if err != nil {
			opened.close()
			return nil, fmt.Errorf("open the folder %q: %w", child.name, err)
		}
		if last {
			break
		}
	}
	return opened, nil
}
