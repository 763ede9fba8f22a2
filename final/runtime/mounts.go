package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// All mounts but the root are made after pivot_root. A destination is then
// resolved in the container's own tree: no symlink of an image, and no race with
// another container about one, can lead to the host.

// recursive has a bind mount include the mounts below its source.
const recursive = unix.MS_BIND | unix.MS_REC

var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"relatime": unix.MS_RELATIME, "strictatime": unix.MS_STRICTATIME, "noatime": unix.MS_NOATIME,
	"bind": unix.MS_BIND, "rbind": recursive,
	// These are so anyway: it is all private, and what is restricted is so as a whole.
	"rw": 0, "suid": 0, "dev": 0, "exec": 0, "private": 0, "rprivate": 0,
}

// isBind reports whether a mount shows something of the host, and how.
func isBind(mount specs.Mount) (flags uintptr, bind bool) {
	flags, _ = splitOptions(mount.Options)
	if mount.Type == "bind" {
		flags |= unix.MS_BIND
	}
	return flags, flags&unix.MS_BIND != 0
}

func validateMounts(spec *specs.Spec) error {
	devices := false
	for _, mount := range spec.Mounts {
		_, bind := isBind(mount)
		_, data := splitOptions(mount.Options)
		if !filepath.IsAbs(mount.Destination) || bind && (data != "" || !filepath.IsAbs(mount.Source)) {
			return fmt.Errorf("the specification has a mount on %q that is relative, or has options that are not supported: %s", mount.Destination, data)
		}
		devices = devices || mount.Destination == "/dev" && mount.Type == "tmpfs"
	}
	if !devices {
		return errors.New("the specification has no tmpfs on /dev, in which devices are made")
	}
	return nil
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
// be seen, and returns it at the index of its mount, and -1 for others. A clone of a
// mount that is attached nowhere yet is a file (open_tree(2), Linux 5.2).
func openSources(mounts []specs.Mount, root string, log explain.Log) ([]int, error) {
	var sources []int
	for _, mount := range mounts {
		flags, bind := isBind(mount)
		if !bind {
			logProc(mount, root, log)
			sources = append(sources, -1)
			continue
		}
		open := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
		if flags&unix.MS_REC != 0 {
			open |= unix.AT_RECURSIVE
		}
		logBind(mount, root, log)
		tree, err := unix.OpenTree(unix.AT_FDCWD, mount.Source, open)
		if err != nil {
			return nil, fmt.Errorf("open %s to mount it on %s: %w", mount.Source, mount.Destination, err)
		}
		sources = append(sources, tree)
	}
	return sources, nil
}

// mountAll makes the mounts in their order. A tmpfs that is to be read-only is so when
// all is mounted: others may have their places in it.
func mountAll(mounts []specs.Mount, sources []int, log explain.Log) error {
	var readOnly []string
	for index, mount := range mounts {
		if mount.Type == "tmpfs" && slices.Contains(mount.Options, "ro") {
			mount.Options = slices.DeleteFunc(slices.Clone(mount.Options), func(option string) bool { return option == "ro" })
			readOnly = append(readOnly, mount.Destination)
		}
		var err error
		if _, bind := isBind(mount); bind {
			err = mountBind(mount, sources[index])
		} else {
			err = mountFilesystem(mount, sources[index], log)
		}
		if err != nil {
			return fmt.Errorf("mount %s: %w", mount.Destination, err)
		}
	}
	for _, place := range readOnly {
		if err := makeMountReadOnly(place, log); err != nil {
			return err
		}
	}
	return nil
}

// mountFilesystem mounts /proc, /dev and their like, or what was given to us as that.
// Their mount points must be ordinary folders: a program trusts what it finds under
// these names. Only a tmpfs that the user puts somewhere may have its place behind a
// link, as /var/run is.
func mountFilesystem(mount specs.Mount, given int, log explain.Log) error {
	look := os.Lstat
	if mount.Type == "tmpfs" && mount.Destination != "/dev" {
		look = os.Stat
	}
	info, err := look(mount.Destination)
	if errors.Is(err, fs.ErrNotExist) {
		log.Run(explain.Layers, "mkdir", "-p", mount.Destination)
		if err := os.MkdirAll(mount.Destination, 0o755); err != nil {
			return err
		}
	} else if err != nil {
		return err
	} else if !info.IsDir() {
		return errors.New("the image has something there that is no folder")
	}
	if !isProc(mount) && given < 0 {
		logFilesystem(mount, mount.Destination, log)
	}
	flags, data := splitOptions(mount.Options)
	if given >= 0 {
		return attach(given, mount.Destination, flags)
	}
	return unix.Mount(mount.Source, mount.Destination, mount.Type, flags, data)
}

// mountBind attaches a clone of a mount of the host's.
func mountBind(mount specs.Mount, tree int) error {
	if err := makeMountPoint(mount.Destination, tree); err != nil {
		return err
	}
	flags, _ := splitOptions(mount.Options)
	return attach(tree, mount.Destination, flags)
}

// attach puts a mount into place, with restrictions, and closes it.
func attach(tree int, path string, flags uintptr) error {
	defer unix.Close(tree)
	if err := restrict(tree, flags, true); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS)
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

// restrict adds restrictions to a mount, and if so asked to those below it: the flags
// ro, nosuid, nodev and noexec of mount(2). What is restricted stays so.
func restrict(mount int, flags uintptr, below bool) error {
	attributes := unix.MountAttr{Attr_set: attributesFor(flags)}
	if attributes.Attr_set == 0 {
		return nil
	}
	at := uint(unix.AT_EMPTY_PATH)
	if below {
		at |= unix.AT_RECURSIVE
	}
	return unix.MountSetattr(mount, "", at, &attributes)
}

// attributesFor are these flags as the newer system calls have them.
func attributesFor(flags uintptr) (attributes uint64) {
	for flag, attribute := range map[uintptr]uint64{
		unix.MS_RDONLY: unix.MOUNT_ATTR_RDONLY, unix.MS_NOSUID: unix.MOUNT_ATTR_NOSUID,
		unix.MS_NODEV: unix.MOUNT_ATTR_NODEV, unix.MS_NOEXEC: unix.MOUNT_ATTR_NOEXEC,
	} {
		if flags&flag != 0 {
			attributes |= attribute
		}
	}
	return attributes
}
