package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// All mounts but the root are made after pivot_root. A destination is then
// resolved in the container's own tree: no symlink of an image, and no race with
// another container about one, can lead to the host.

var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"relatime": unix.MS_RELATIME, "strictatime": unix.MS_STRICTATIME, "noatime": unix.MS_NOATIME,
	"bind": unix.MS_BIND, "rbind": unix.MS_BIND | unix.MS_REC, "rw": 0,
}

// splitOptions separates the flags of mount(2) from the data of a file system.
func splitOptions(options []string) (flags uintptr, data string) {
	var rest []string
	for _, option := range options {
		if flag, ok := mountFlags[option]; ok {
			flags |= flag
		} else {
			rest = append(rest, option)
		}
	}
	return flags, strings.Join(rest, ",")
}

// openSources takes hold of what is to be bind mounted while its path can still
// be seen. A clone of a mount that is attached nowhere yet is a file
// (open_tree(2), Linux 5.2).
func openSources(mounts []specs.Mount) (map[string]int, error) {
	sources := make(map[string]int)
	for _, mount := range mounts {
		flags, _ := splitOptions(mount.Options)
		if flags&unix.MS_BIND == 0 {
			continue
		}
		open := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
		if flags&unix.MS_REC != 0 {
			open |= unix.AT_RECURSIVE
		}
		tree, err := unix.OpenTree(unix.AT_FDCWD, mount.Source, open)
		if err != nil {
			return nil, fmt.Errorf("open %s to mount it on %s: %w", mount.Source, mount.Destination, err)
		}
		sources[mount.Destination] = tree
	}
	return sources, nil
}

func mountAll(mounts []specs.Mount, sources map[string]int) error {
	for _, mount := range mounts {
		var err error
		if source, ok := sources[mount.Destination]; ok {
			err = mountBind(mount, source)
		} else {
			err = mountFilesystem(mount)
		}
		if err != nil {
			return fmt.Errorf("mount %s: %w", mount.Destination, err)
		}
	}
	return nil
}

// mountFilesystem mounts /proc, /dev and their like. Their mount points must be
// ordinary folders: a program trusts what it finds under these names.
func mountFilesystem(mount specs.Mount) error {
	info, err := os.Lstat(mount.Destination)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(mount.Destination, 0o755); err != nil {
			return err
		}
	} else if err != nil {
		return err
	} else if !info.IsDir() {
		return errors.New("the image has something there that is no folder")
	}
	flags, data := splitOptions(mount.Options)
	return unix.Mount(mount.Source, mount.Destination, mount.Type, flags, data)
}

// mountBind attaches a clone of a mount of the host's.
func mountBind(mount specs.Mount, tree int) error {
	defer unix.Close(tree)
	if err := makeMountPoint(mount.Destination, tree); err != nil {
		return err
	}
	flags, _ := splitOptions(mount.Options)
	if err := restrict(tree, "", unix.AT_EMPTY_PATH, flags); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, mount.Destination, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS)
}

// makeMountPoint makes path what source is, a folder or a file, if it does not
// exist.
func makeMountPoint(path string, source int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	var stat unix.Stat_t
	if err := unix.Fstat(source, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

// restrict adds restrictions to the mount at path, and to those below it: the
// flags ro, nosuid, nodev and noexec of mount(2). What is restricted stays so.
func restrict(folder int, path string, at uint, flags uintptr) error {
	var attributes unix.MountAttr
	for flag, attribute := range map[uintptr]uint64{
		unix.MS_RDONLY: unix.MOUNT_ATTR_RDONLY, unix.MS_NOSUID: unix.MOUNT_ATTR_NOSUID,
		unix.MS_NODEV: unix.MOUNT_ATTR_NODEV, unix.MS_NOEXEC: unix.MOUNT_ATTR_NOEXEC,
	} {
		if flags&flag != 0 {
			attributes.Attr_set |= attribute
		}
	}
	if attributes.Attr_set == 0 {
		return nil
	}
	return unix.MountSetattr(folder, path, at|unix.AT_RECURSIVE, &attributes)
}
