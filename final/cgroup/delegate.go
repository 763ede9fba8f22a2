package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// baseOf returns the cgroup that groups are made in: the nearest from our own upwards
// that may pass controllers on. If there are none to pass on, that is our own.
func baseOf(hierarchy *hierarchy, wanted []string) (folder, error) {
	own, top := folder(hierarchy.own), folder(hierarchy.mountpoint)
	if len(wanted) == 0 {
		return own, nil
	}
	for base := own; ; base = base.above() {
		may, err := mayPassOn(base)
		if err != nil || may {
			return base, err
		}
		if base == top {
			return "", fmt.Errorf("every cgroup from %s up to %s has processes, and so may not pass controllers on to others (%q, cgroup-v2.rst): "+
				"move those into a cgroup of their own below %s", own, top, "no internal processes", top)
		}
	}
}

// mayPassOn reports whether a cgroup has no processes, or is the root of all, which
// is free to have them, and alone has no type.
func mayPassOn(group folder) (bool, error) {
	if !group.has("cgroup.type") {
		return true, nil
	}
	text, err := group.read("cgroup.procs")
	if errors.Is(err, unix.EOPNOTSUPP) {
		return false, nil // a threaded one, which passes on only some
	}
	return text == "", err
}

// pathTo returns the cgroups from one down to another, without the last.
func pathTo(top, base folder) []folder {
	var path []folder
	for base != top {
		base = base.above()
		path = append(path, base)
	}
	slices.Reverse(path)
	return path
}

// passOn has a cgroup pass controllers on to those in it. Only the ones that are asked
// for must be; the kernel may have reasons against others, such as realtime processes
// against cpu.
func passOn(group folder, wanted, asked []string, steps *steps) error {
	var texts [2]string
	for index, file := range []string{"cgroup.controllers", "cgroup.subtree_control"} {
		text, err := group.read(file)
		if err != nil {
			return err
		}
		texts[index] = text
	}
	available, passed := strings.Fields(texts[0]), strings.Fields(texts[1])
	var missing []string
	for _, controller := range wanted {
		switch {
		case slices.Contains(passed, controller):
		case slices.Contains(available, controller):
			missing = append(missing, controller)
		case slices.Contains(asked, controller):
			return fmt.Errorf("%s does not have the controller %s: write +%s to the cgroup.subtree_control of those above it", group, controller, controller)
		}
	}
	if len(missing) == 0 || steps.write(group, "cgroup.subtree_control", words(missing, "+")) == nil {
		return nil
	}
	for _, controller := range missing {
		err := steps.write(group, "cgroup.subtree_control", "+"+controller)
		if err != nil && (slices.Contains(asked, controller) || errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("pass the controller %s on: %w", controller, err)
		}
	}
	return nil
}
