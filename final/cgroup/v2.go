package cgroup

import (
	"errors"
	"slices"
	"strings"
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
