package runtime

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// The syntax of the kernel's mount options gives some characters a meaning, and ends
// at the size of a page. Paths of open files, /proc/self/fd/N, hold none of these and
// are short; they keep the host's paths out of the container's mountinfo, too.

// branch is an option of a union mount: NAME=PATH[=MODE], with the path of a folder
// that is open, or a setting without one.
type branch struct {
	name, path, mode string
	descriptor       int // -1 for a setting
}

// openBranches opens the folders that options name.
func openBranches(options []string) (branches []branch, done func(), err error) {
	done = func() {
		for _, branch := range branches {
			if branch.descriptor >= 0 {
				unix.Close(branch.descriptor)
			}
		}
	}
	for _, option := range options {
		name, path, _ := strings.Cut(option, "=")
		opened := branch{name: name, path: path, descriptor: -1}
		switch name {
		case "br+":
			end := strings.LastIndexByte(path, '=')
			opened.path, opened.mode = path[:max(0, end)], path[end+1:]
		case "lowerdir+", "upperdir", "workdir":
		default:
			branches = append(branches, opened)
			continue
		}
		opened.descriptor, err = unix.Open(opened.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("open the layer %s: %w", opened.path, err)
		}
		opened.path = fmt.Sprintf("/proc/self/fd/%d", opened.descriptor)
		branches = append(branches, opened)
	}
	return branches, done, nil
}

// mountOverlay mounts layers as one root. Its options are `lowerdir+=PATH`, once
// for each layer from the top down, `upperdir=PATH`, `workdir=PATH` and settings.
//
// Device files in the layers are none: those of a container are in its /dev.
func mountOverlay(options []string, target string, log explain.Log) error {
	logOverlay(options, target, log)
	branches, done, err := openBranches(options)
	if err != nil {
		return err
	}
	defer done()
	var lower, rest []string
	for _, branch := range branches {
		if branch.name == "lowerdir+" {
			lower = append(lower, branch.path)
		} else {
			rest = append(rest, branch.name+"="+branch.path)
		}
	}
	data := strings.Join(append([]string{"lowerdir=" + strings.Join(lower, ":")}, rest...), ",")
	if len(data) < os.Getpagesize() {
		err = unix.Mount("overlay", target, "overlay", unix.MS_NODEV, data)
	} else {
		err = mountManyLayers(branches, target)
	}
	if err != nil {
		return fmt.Errorf("mount the overlay of %d layers: %w", len(lower), err)
	}
	return nil
}

// mountManyLayers does what a page of options is too small for: the newer system
// calls take the options one by one (fsconfig(2)). Overlay takes layers so since
// Linux 6.8.
func mountManyLayers(branches []branch, target string) error {
	filesystem, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(filesystem)
	if err := unix.FsconfigSetString(filesystem, "source", "overlay"); err != nil {
		return err
	}
	for _, branch := range branches {
		err := unix.FsconfigSetString(filesystem, branch.name, branch.path)
		if errors.Is(err, unix.EINVAL) && branch.name == "lowerdir+" {
			return fmt.Errorf("%w: more than 500, or more than a page of options before Linux 6.8", err)
		}
		if err != nil {
			return fmt.Errorf("set its %s: %w", branch.name, err)
		}
	}
	if err := unix.FsconfigCreate(filesystem); err != nil {
		return err
	}
	mount, err := unix.Fsmount(filesystem, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	return unix.MoveMount(mount, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// branchesAtOnce is how many branches aufs is given in one call. It has room for 84,
// and takes what is beyond for more: Ubuntu's 5.15 then crashes.
const branchesAtOnce = 64

// mountAUFS does the same with aufs. Its options are `br+=PATH=MODE`, once for each
// branch from the top down: 127 of them, if the kernel is not built for more.
func mountAUFS(options []string, target string, log explain.Log) error {
	add := func(branches []string) string { return "br=" + strings.Join(branches, ":") }
	flags, words := uintptr(unix.MS_NODEV), "nodev,"
	for some := range slices.Chunk(options, branchesAtOnce) {
		log.Run(explain.Layers, "mount", "-t", "aufs", "-o", words+add(namesOf(some)), "none", target)
		branches, done, err := openBranches(some)
		if err != nil {
			return err
		}
		paths := make([]string, 0, len(branches))
		for _, branch := range branches {
			paths = append(paths, branch.path+"="+branch.mode)
		}
		err = unix.Mount("none", target, "aufs", flags, add(paths))
		done()
		if err != nil {
			return fmt.Errorf("mount the union of %d branches: %w", len(options), err)
		}
		add = func(branches []string) string { return "append=" + strings.Join(branches, ",append=") }
		flags, words = unix.MS_NODEV|unix.MS_REMOUNT, "remount,nodev,"
	}
	return nil
}

// namesOf are the branches with their own paths, for a person.
func namesOf(options []string) []string {
	names := make([]string, 0, len(options))
	for _, option := range options {
		names = append(names, realPath(strings.TrimPrefix(option, "br+=")))
	}
	return names
}
