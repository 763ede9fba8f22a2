package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// v2 is version 2 (cgroup-v2.rst): a cgroup has the files of a controller only if the
// one above passes it on, by its cgroup.subtree_control, and so on up to the root.
type v2 struct{}

// wantedV2 are the controllers that a group is given where it can be.
var wantedV2 = []string{"cpuset", "cpu", "io", "memory", "pids"}

func (v2) create(hierarchy *hierarchy, name string, asked []string, steps *steps) (folder, error) {
	wanted := slices.DeleteFunc(slices.Clone(wantedV2), func(controller string) bool { return !hierarchy.has(controller) })
	base, err := baseOf(hierarchy, wanted)
	if err != nil && len(asked) == 0 {
		base, wanted, err = folder(hierarchy.own), nil, nil // nothing can be limited, and nothing is
	}
	if err != nil {
		return "", err
	}
	// Above the base, only what is needed is changed: it is not ours.
	for _, above := range pathTo(folder(hierarchy.mountpoint), base) {
		if err := passOn(above, asked, asked, steps); err != nil {
			return "", err
		}
	}
	if err := passOn(base, wanted, asked, steps); err != nil {
		return "", err
	}
	group := folder(base.path(name))
	return makeFolder(base, name, steps, func(made folder) error {
		if made == group {
			return nil
		}
		return passOn(made, wanted, asked, steps)
	})
}

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

func (v2) limits(part *part, controller controller) (bool, error) {
	text, err := part.folder.read("cgroup.controllers")
	return slices.Contains(strings.Fields(text), controller.name(2)), err
}

func (v2) setDevices(group folder, list *deviceList, steps *steps) error {
	return steps.attach(group, deviceProgram(list))
}

func (v2) canFreeze(group folder) bool { return group.has("cgroup.freeze") } // Linux 5.2

func (v2) setFrozen(group folder, frozen bool, steps *steps) error {
	if frozen {
		return steps.write(group, "cgroup.freeze", "1")
	}
	return steps.write(group, "cgroup.freeze", "0")
}

func (v2) frozen(group folder) (frozen, asked bool, err error) {
	wanted, err := group.number("cgroup.freeze")
	if err != nil {
		return false, false, err
	}
	events, err := group.values("cgroup.events")
	return events["frozen"] == 1, wanted == 1, err
}

// oomKills counts those of all groups below, too (cgroup-v2.rst, memory.events).
func (v2) oomKills(group folder) (uint64, error) {
	events, err := group.values("memory.events")
	if err != nil {
		return 0, err
	}
	kills, counted := events["oom_kill"]
	if !counted {
		return 0, inFile(group, "memory.events", errors.ErrUnsupported)
	}
	return kills, nil
}
