package storage

import (
	"fmt"
	"slices"
	"strings"
)

// ChangeKind is what has become of a file.
type ChangeKind byte

// What can become of a file, as docker-diff(1) has it.
const (
	Added   ChangeKind = 'A'
	Changed ChangeKind = 'C'
	Deleted ChangeKind = 'D'
)

// Change is a difference between a container and its image.
type Change struct {
	Kind ChangeKind
	Path string // absolute, in the container
}

func (c Change) String() string { return fmt.Sprintf("%c %s", c.Kind, c.Path) }

// Changes returns what the container has changed, in the order of the paths. A
// folder is among them if anything in it is.
func (u Upper) Changes() ([]Change, error) {
	upper, err := openStack(u.Driver, []string{u.Path})
	if err != nil {
		return nil, err
	}
	defer upper.close()
	lower, err := openStack(u.Driver, u.Lower)
	if err != nil {
		return nil, err
	}
	defer lower.close()
	found := &changes{mountPoints: newMountPoints(u.MountPoints)}
	if err := found.folder("/", upper, lower); err != nil {
		return nil, err
	}
	slices.SortFunc(found.all, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return found.all, nil
}

type changes struct {
	mountPoints mountPoints
	all         []Change
}

func (c *changes) folder(prefix string, upper, lower *stack) error {
	entries, err := list(upper.driver, upper.folders[0])
	if err != nil {
		return err
	}
	if err := c.replaced(prefix, entries, upper, lower); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := c.entry(prefix, entry, upper, lower); err != nil {
			return err
		}
	}
	return nil
}

// replaced finds what a folder that has replaced another does not have of it.
func (c *changes) replaced(prefix string, entries []*entry, upper, lower *stack) error {
	sealed, err := upper.driver.sealed(upper.folders[0])
	if err != nil || !sealed {
		return err
	}
	kept := make(map[string]bool)
	for _, entry := range entries {
		kept[entry.name] = true
	}
	children, err := lower.children()
	if err != nil {
		return err
	}
	for _, child := range children {
		if !kept[child.name] {
			c.all = append(c.all, Change{Deleted, prefix + child.name})
		}
	}
	return nil
}

func (c *changes) entry(prefix string, entry *entry, upper, lower *stack) error {
	name := prefix + entry.name
	made, err := c.mountPoints.made(name[1:], entry, upper, lower)
	if err != nil || made {
		return err
	}
	below, err := lower.child(entry.name)
	if err != nil {
		return err
	}
	change := Change{Added, name}
	switch {
	case entry.whiteout && below == nil:
		return nil
	case entry.whiteout:
		change.Kind = Deleted
	case below != nil:
		change.Kind = Changed
	}
	c.all = append(c.all, change)
	if !entry.isFolder() {
		return nil
	}
	return both(entry.name, upper, lower, func(upper, lower *stack) error { return c.folder(name+"/", upper, lower) })
}
