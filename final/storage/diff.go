package storage

import (
	"fmt"
	"io"
	"path"
	"strings"
)

// Upper is what a container has written, over the layers of its image.
type Upper struct {
	Driver Driver
	Path   string
	Lower  []string // from the top down
	// MountPoints are where something is mounted in the container. What was made
	// only to be mounted on is not what the container has written.
	MountPoints []string
}

// View is all that the container sees, without its mounts.
func (u Upper) View() View {
	return View{Driver: u.Driver, Layers: append([]string{u.Path}, u.Lower...)}
}

// Diff writes the layer as a tar archive in the form of OCI (image-spec, layer.md):
// what was added and changed, whole, and whiteouts for what was deleted. Equal
// layers make equal archives, whichever driver has written them.
func (u Upper) Diff(out io.Writer) error {
	upper, err := openStack(u.Driver, []string{u.Path})
	if err != nil {
		return err
	}
	defer upper.close()
	lower, err := openStack(u.Driver, u.Lower)
	if err != nil {
		return err
	}
	defer lower.close()
	diff := &differ{archive: newArchive(out), mountPoints: newMountPoints(u.MountPoints)}
	if err := diff.archive.root(upper.folders[0]); err != nil {
		return err
	}
	if err := diff.folder("", upper, lower); err != nil {
		return err
	}
	return diff.archive.close()
}

type differ struct {
	archive     *archive
	mountPoints mountPoints
}

// folder writes what is in a folder of the upper layer. lower is what the layers
// below have there.
func (d *differ) folder(prefix string, upper, lower *stack) error {
	sealed, err := upper.driver.sealed(upper.folders[0])
	if err != nil {
		return err
	}
	if sealed {
		if err := d.archive.whiteout(prefix + whiteoutOpaque); err != nil {
			return err
		}
	}
	entries, err := list(upper.driver, upper.folders[0])
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := d.entry(prefix, entry, upper, lower); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) entry(prefix string, entry *entry, upper, lower *stack) error {
	name := prefix + entry.name
	if entry.whiteout {
		return d.archive.whiteout(prefix + whiteoutPrefix + entry.name)
	}
	if strings.HasPrefix(entry.name, whiteoutPrefix) {
		return fmt.Errorf("%q cannot be part of an image, where names that begin with .wh. mean deletions: rename it", name)
	}
	made, err := d.mountPoints.made(name, entry, upper, lower)
	if err != nil || made {
		return err
	}
	if err := d.archive.add(name, upper.folders[0], entry); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if !entry.isFolder() {
		return nil
	}
	return both(entry.name, upper, lower, func(upper, lower *stack) error {
		return d.folder(name+"/", upper, lower)
	})
}

// both calls visit with the folders called name of an upper layer and of what is
// below it, which may not have one.
func both(name string, upper, lower *stack, visit func(upper, lower *stack) error) error {
	top, err := upper.down(name)
	if err != nil {
		return ignoreMissing(err)
	}
	defer top.close()
	if len(top.folders) == 0 {
		return nil // removed meanwhile
	}
	below := &stack{driver: lower.driver}
	child, err := lower.child(name)
	if err == nil && child != nil && child.isFolder() {
		below, err = lower.enter(child)
	}
	if err != nil {
		return err
	}
	defer below.close()
	return visit(top, below)
}

// mountPoints are the places of mounts and all folders above them, as names
// without a leading "/".
type mountPoints map[string]bool

func newMountPoints(paths []string) mountPoints {
	points := make(mountPoints)
	for _, point := range paths {
		for name := path.Clean("/" + point); name != "/"; name = path.Dir(name) {
			points[name[1:]] = true
		}
	}
	return points
}

// made reports whether an entry of an upper layer was made to be mounted on: it is
// an empty file or folder, or one with nothing but such in it, and nothing in the
// layers below.
func (m mountPoints) made(name string, entry *entry, upper, lower *stack) (bool, error) {
	if !m[name] {
		return false, nil
	}
	if below, err := lower.child(entry.name); err != nil || below != nil {
		return false, err
	}
	if !entry.isFolder() {
		return entry.stat.Size == 0, nil
	}
	made := true
	err := both(entry.name, upper, lower, func(upper, lower *stack) error {
		entries, err := list(upper.driver, upper.folders[0])
		for _, inside := range entries {
			if err == nil && made {
				made, err = m.made(name+"/"+inside.name, inside, upper, lower)
			}
		}
		return err
	})
	return made, err
}
