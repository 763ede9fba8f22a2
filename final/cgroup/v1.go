package cgroup

import (
	"errors"
	"fmt"
	"strings"
)

// v1 is version 1 (cgroup-v1/cgroups.rst): a group is below the caller's own cgroup,
// and has the files of all controllers of its hierarchy at once.
type v1 struct{}

func (v1) create(hierarchy *hierarchy, name string, _ []string, steps *steps) (folder, error) {
	prepare := func(folder) error { return nil }
	if hierarchy.has("cpuset") {
		prepare = func(group folder) error { return inheritCPUSet(group, steps) }
	}
	return makeFolder(folder(hierarchy.own), name, steps, prepare)
}

// inheritCPUSet gives a cgroup the cpus and memory nodes of the one above. A new one
// has none, and until it has both, no process can be put into it (cpuset(7)).
func inheritCPUSet(group folder, steps *steps) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		present, err := group.read(file)
		if err != nil {
			return err
		}
		if strings.TrimSpace(present) != "" {
			continue
		}
		above, err := group.above().read(file)
		if err != nil {
			return err
		}
		if err := steps.write(group, file, strings.TrimSpace(above)); err != nil {
			return err
		}
	}
	return nil
}

func (v1) limits(part *part, controller controller) (bool, error) {
	return part.has(controller.name(1)), nil
}

// setDevices takes from a new group what it has from the one above, all at once, and
// gives it the exceptions (cgroup-v1/devices.rst).
func (v1) setDevices(group folder, list *deviceList, steps *steps) error {
	file := "devices.allow"
	if list.allow {
		file = "devices.deny"
		// From a list that is short already, the kernel can deny nothing but
		// what is in it word by word.
		now, err := group.read("devices.list")
		if err != nil {
			return err
		}
		if now != "a *:* rwm\n" {
			return errors.New("we may not use all devices ourselves: say which a container may use, and not which it may not")
		}
	} else if err := steps.write(group, "devices.deny", "a"); err != nil {
		return err
	}
	for _, exception := range list.exceptions {
		if err := steps.write(group, file, exception.String()); err != nil {
			return fmt.Errorf("device %s: %w", exception, err)
		}
	}
	return nil
}

func (v1) canFreeze(group folder) bool { return group.has("freezer.state") }

func (v1) setFrozen(group folder, frozen bool, steps *steps) error {
	if frozen {
		return steps.write(group, "freezer.state", "FROZEN")
	}
	return steps.write(group, "freezer.state", "THAWED")
}

// frozen reads the state, which is FREEZING in between
// (cgroup-v1/freezer-subsystem.rst).
func (v1) frozen(group folder) (frozen, asked bool, err error) {
	state, err := group.read("freezer.state")
	switch {
	case err != nil:
		return false, false, err
	case state != "FROZEN\n" && state != "FREEZING\n" && state != "THAWED\n":
		return false, false, inFile(group, "freezer.state", fmt.Errorf("not a state: %q", state))
	}
	return state == "FROZEN\n", state != "THAWED\n", nil
}

// oomKills adds up the kills in the group and below it: version 1 counts each where
// it has happened, from Linux 4.13 on.
func (v1) oomKills(group folder) (uint64, error) {
	total := uint64(0)
	err := group.walk(func(one folder) error {
		values, err := one.values("memory.oom_control")
		if err != nil {
			return err
		}
		kills, counted := values["oom_kill"]
		if !counted {
			return inFile(one, "memory.oom_control", errors.ErrUnsupported)
		}
		total, err = sum(total, kills)
		return err
	})
	return total, err
}
