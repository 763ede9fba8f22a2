package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/final/users"
)

// The root of a user namespace can mount little of the host: it does not reach the
// folders, it makes no devices, it cannot map the users of a file system that is not its
// own, and an overlay of its own does not see what ours has deleted. So all that is made
// for it by its parent, outside of any mount namespace, and given to it as open files
// (open_tree(2), fsmount(2)), which it then only puts into place.

// isGiven reports whether a mount is one that init gets from its parent.
func isGiven(mount specs.Mount) bool {
	_, bind := isBind(mount)
	return bind || mount.Destination == "/" || mount.Destination == "/dev"
}

// giveMounts makes the mounts that the init of a container with users of its own gets,
// in the order of the specification.
func giveMounts(spec *specs.Spec, pid int, log explain.Log) (given []int, err error) {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", pid))
	if err != nil {
		return nil, fmt.Errorf("hold the users of the container: %w", err)
	}
	defer namespace.Close()
	defer func() {
		if err != nil {
			closeGiven(given)
		}
	}()
	for _, mount := range spec.Mounts {
		if !isGiven(mount) {
			continue
		}
		tree, err := giveMount(spec, mount, namespace, log)
		if err != nil {
			return given, err
		}
		given = append(given, tree)
	}
	return given, nil
}

// equip does for a process with users of its own what takes more than its root can do.
func (c *Container) equip(spec *specs.Spec, log explain.Log) (given []int, err error) {
	err = raiseLimits(c.Pid(), spec.Process.Rlimits)
	if err == nil {
		given, err = giveMounts(spec, c.Pid(), log)
	}
	if err != nil {
		c.abandon()
	}
	return given, err
}

func giveMount(spec *specs.Spec, mount specs.Mount, namespace *os.File, log explain.Log) (int, error) {
	flags, bind := isBind(mount)
	switch {
	case bind:
		logMapped(mount, spec.Root.Path, namespace, log)
		return openMapped(mount, flags&unix.MS_REC != 0, namespace)
	case mount.Destination == "/":
		return overlayFor(usersOf(spec), mount, spec.Root.Path, namespace, log)
	default:
		return devicesFor(usersOf(spec), mount, spec, log)
	}
}

// openMapped clones what a bind mount is of, with the users that it is to have.
func openMapped(mount specs.Mount, below bool, namespace *os.File) (int, error) {
	tree, err := cloneTree(mount.Source, below)
	if err != nil {
		return -1, fmt.Errorf("open %s to mount it on %s: %w", mount.Source, mount.Destination, err)
	}
	if len(mount.UIDMappings) > 0 {
		if err := mapUsers(tree, mount.Source, int(namespace.Fd()), below); err != nil {
			unix.Close(tree)
			return -1, err
		}
	}
	return tree, nil
}

func cloneTree(path string, below bool) (int, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if below {
		flags |= unix.AT_RECURSIVE
	}
	return unix.OpenTree(unix.AT_FDCWD, path, flags)
}

// devicesFor makes a /dev that belongs to the container's users, with the devices in it:
// what mknod(2) makes in a user namespace, nobody can open.
func devicesFor(own users.Range, mount specs.Mount, spec *specs.Spec, log explain.Log) (int, error) {
	root := fmt.Sprint(own.First)
	mount.Options = append(slices.Clone(mount.Options), "uid="+root, "gid="+root)
	logFilesystem(mount, filepath.Join(spec.Root.Path, mount.Destination), log)
	made, err := openFilesystem(mount)
	if err != nil {
		return -1, fmt.Errorf("make a file system for /dev: %w", err)
	}
	if err := (deviceFolder{root: made, below: "/dev/", own: own, known: spec.Root.Path}).fill(spec.Linux.Devices, log); err != nil {
		unix.Close(made)
		return -1, err
	}
	return made, nil
}

// openFilesystem makes a file system that is mounted nowhere yet.
func openFilesystem(mount specs.Mount) (int, error) {
	filesystem, err := unix.Fsopen(mount.Type, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(filesystem)
	flags, data := splitOptions(mount.Options)
	for _, option := range append(strings.Split(data, ","), "source="+mount.Source) {
		if option == "" {
			continue
		}
		name, value, _ := strings.Cut(option, "=")
		if err := unix.FsconfigSetString(filesystem, name, value); err != nil {
			return -1, fmt.Errorf("set its %s: %w", option, err)
		}
	}
	if err := unix.FsconfigCreate(filesystem); err != nil {
		return -1, err
	}
	attributes := attributesFor(flags)
	if flags&unix.MS_STRICTATIME != 0 {
		attributes |= unix.MOUNT_ATTR_STRICTATIME
	}
	return unix.Fsmount(filesystem, unix.FSMOUNT_CLOEXEC, int(attributes))
}

// attachGiven puts the root that init was given where it can be moved into: on the root
// that there is, and known as name. It returns what the root is entered by, and what the
// other mounts are of.
func attachGiven(given []int, others []specs.Mount, name string, log explain.Log) (root string, sources []int, err error) {
	if err := makePrivate(log); err != nil {
		return "", nil, err
	}
	next := 1
	for _, mount := range others {
		var source int
		switch {
		case !isGiven(mount):
			if source, err = openRevealing(mount, name, log); err != nil {
				return "", nil, fmt.Errorf("mount %s: %w", mount.Destination, err)
			}
		case next < len(given):
			source = given[next]
			next++
		default:
			return "", nil, errors.New("the container was not given all of its mounts")
		}
		sources = append(sources, source)
	}
	if next != len(given) {
		return "", nil, fmt.Errorf("the container was given %d mounts, and has %d", len(given), next)
	}
	if err := unix.MoveMount(given[0], "", unix.AT_FDCWD, "/", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return "", nil, fmt.Errorf("mount the root of the container: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", given[0]), sources, nil
}

// openRevealing makes the file systems that tell of the whole machine, and returns -1 for
// others. A user namespace gets them only as long as it sees the host's, and nothing is
// hidden there (the kernel's mnt_already_visible).
func openRevealing(mount specs.Mount, root string, log explain.Log) (int, error) {
	if mount.Type != "proc" && mount.Type != "sysfs" {
		return -1, nil
	}
	logFilesystem(mount, filepath.Join(root, mount.Destination), log)
	source, err := openFilesystem(mount)
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w: is something mounted over parts of the host's %s?", err, mount.Destination)
	}
	return source, err
}

func closeGiven(given []int) {
	for _, descriptor := range given {
		unix.Close(descriptor)
	}
}
