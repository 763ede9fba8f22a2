package storage

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// In a layer, an empty file .wh.NAME stands for the deletion of NAME from the
// layers below, and .wh..wh..opq for that of everything in its folder that these
// have (image-spec, layer.md). Neither concerns the layer itself, whatever the
// order of its entries.

// isInternal reports whether a name belongs to the bookkeeping of aufs, which has
// got into the layers of its time.
func isInternal(name string) bool {
	for _, element := range strings.Split(name, "/") {
		if strings.HasPrefix(element, whiteoutMeta) && element != whiteoutOpaque {
			return true
		}
	}
	return false
}

// deletion writes a deletion down in the driver's way.
func (u *unpacking) deletion(parent int, above, base string) error {
	if u.driver == nil {
		return errors.New("deletes from a lower layer, and there is none")
	}
	if base == whiteoutOpaque {
		return u.driver.seal(parent)
	}
	name := strings.TrimPrefix(base, whiteoutPrefix)
	if name == "" || name == "." || name == ".." {
		return errors.New("deletes nothing that has a name")
	}
	var stat unix.Stat_t
	err := unix.Fstatat(parent, name, &stat, unix.AT_SYMLINK_NOFOLLOW)
	full := path.Join(above, name)
	switch {
	case errors.Is(err, unix.ENOENT) && !u.hidden[full]:
		u.hidden[full] = true
		return u.driver.hide(parent, name)
	case errors.Is(err, unix.ENOENT), err == nil && u.hidden[full]:
		return nil
	case err == nil && stat.Mode&unix.S_IFMT == unix.S_IFDIR:
		return u.sealFolder(parent, name) // the layer's own, in the place of the deleted one
	default:
		return err
	}
}

// reveal takes a deletion back for an entry that comes in the place of what is
// deleted, and tells whether there was one.
func (u *unpacking) reveal(parent int, base, name string) (bool, error) {
	if !u.hidden[name] {
		return false, nil
	}
	delete(u.hidden, name)
	return true, u.driver.reveal(parent, base)
}

// revealFolders makes the folders at and above name that come in the place of what
// is deleted, and that the archive has no entries for.
func (u *unpacking) revealFolders(name string) error {
	if name == "." || len(u.hidden) == 0 {
		return nil
	}
	if err := u.revealFolders(path.Dir(name)); err != nil || !u.hidden[name] {
		return err
	}
	parent, err := u.tree.folder(path.Dir(name))
	if err != nil {
		return err
	}
	if _, err := u.reveal(parent, path.Base(name), name); err != nil {
		return err
	}
	if err := unix.Mkdirat(parent, path.Base(name), 0o755); err != nil {
		return err
	}
	return u.sealFolder(parent, path.Base(name))
}

func (u *unpacking) sealFolder(parent int, name string) error {
	folder, err := openFolder(parent, name)
	if err != nil {
		return err
	}
	defer unix.Close(folder)
	return u.driver.seal(folder)
}
