package cgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Add moves a process into the group, in every hierarchy. Children that it has from
// then on are born there.
func (g *Group) Add(pid int) error { return g.add(pid, g.parts) }

// Directory returns the folder of the group in version 2, for a process that is to be
// born in it (clone(2), CLONE_INTO_CGROUP; SysProcAttr.CgroupFD), and so has its limits
// from its first instruction on, and is never moved. The caller closes it, and calls
// AddRest for the other hierarchies. The error is errors.ErrUnsupported where there is
// no version 2, or the kernel is older than Linux 5.14.
func (g *Group) Directory() (*os.File, error) {
	for _, part := range g.parts {
		// What came with 5.14 shows that what came with 5.7 is there.
		if part.version == 2 && part.folder.has("cgroup.kill") {
			return os.Open(string(part.folder))
		}
	}
	return nil, fmt.Errorf("start a process in its cgroup: %w", errors.ErrUnsupported)
}

// AddRest moves a process that was born in Directory into the group of the other
// hierarchies. With version 2 alone it does nothing.
func (g *Group) AddRest(pid int) error {
	others := func(part *part) bool { return part.version == 2 }
	return g.add(pid, slices.DeleteFunc(slices.Clone(g.parts), others))
}

func (g *Group) add(pid int, parts []*part) error {
	if pid <= 0 { // the kernel takes 0 for ourselves
		return fmt.Errorf("put process %d into its cgroup: there is no such process", pid)
	}
	for _, part := range parts {
		if err := g.steps.move(part.folder, pid); err != nil {
			return fmt.Errorf("put process %d into its cgroup: %w", pid, err)
		}
	}
	return nil
}

// Pids returns the processes of the group and of those that it has made below itself,
// sorted. Processes that our pid namespace does not see are an error.
func (g *Group) Pids() ([]int, error) {
	var all []int
	for _, part := range g.parts {
		pids, err := part.folder.pids()
		if err != nil {
			return nil, fmt.Errorf("list the processes of the cgroup %s: %w", g.name, err)
		}
		all = append(all, pids...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// procs calls visit with the text of cgroup.procs of a group and of all below it.
func (f folder) procs(visit func(text string) error) error {
	return f.walk(func(group folder) error {
		text, err := group.read("cgroup.procs")
		// In a threaded cgroup it cannot be read: the processes are those of
		// the one above (cgroup-v2.rst).
		if errors.Is(err, unix.EOPNOTSUPP) && group != f {
			return nil
		}
		if err != nil {
			return err
		}
		return visit(text)
	})
}

func (f folder) pids() ([]int, error) {
	var all []int
	err := f.procs(func(text string) error {
		pids, err := parsePids(text)
		all = append(all, pids...)
		return err
	})
	return all, err
}

// occupied reports whether there is any process in a group or below it, seen by us or
// not.
func (f folder) occupied() (bool, error) {
	occupied := false
	err := f.procs(func(text string) error {
		occupied = occupied || text != ""
		return nil
	})
	return occupied, err
}
