// Package cgroup limits and counts what a container uses, in both versions of the
// kernel's cgroups and where they are mixed (cgroups(7)).
//
// A Group is the cgroup of one container: a folder in every hierarchy that is of use.
// In version 1, that is below the cgroup that the caller is in: whoever has limited
// the caller limits its containers, too. In version 2, it is below the nearest one,
// from the caller's own upwards, that may pass controllers on: one that has processes
// may not ("no internal processes", cgroup-v2.rst), and the caller is a process.
//
// A limit that the kernel cannot keep here is an error; nothing that was asked for is
// left out. Where nothing is asked for, a hierarchy that cannot be used is left out,
// and what it would have counted is unknown.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// Group is the cgroup of a container. It is not safe for use by several goroutines
// at once.
type Group struct {
	name  string
	parts []*part
	steps *steps
}

// part is a group's folder in one hierarchy.
type part struct {
	*hierarchy
	folder folder
}

// Create makes a group with limits, and no process in it. Its name is a relative path,
// such as tinydocker/ID, whose folders are made as far as they do not exist. A group
// of that name that has processes is an error (fs.ErrExist); what is left of an
// earlier one is removed first, with its limits. If Create fails, nothing is left.
func Create(name string, resources *specs.LinuxResources, log explain.Log) (*Group, error) {
	found, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	return found.create(name, resources, log)
}

func (h *hierarchies) create(name string, resources *specs.LinuxResources, log explain.Log) (*Group, error) {
	if err := validateName(name); err != nil {
		return nil, err
	}
	if err := validate(resources); err != nil {
		return nil, err
	}
	plan, err := h.plan(resources)
	if err != nil {
		return nil, err
	}
	group := &Group{name: name, steps: &steps{log: log}}
	for _, hierarchy := range plan.order {
		err := group.join(hierarchy, plan.asked[hierarchy])
		if err != nil && len(plan.asked[hierarchy]) == 0 && !plan.devices(hierarchy) && unusable(err) {
			continue
		}
		if err != nil {
			return nil, errors.Join(err, group.Remove())
		}
	}
	if err := group.limit(plan, resources); err != nil {
		return nil, errors.Join(err, group.Remove())
	}
	return group, nil
}

// unusable reports whether an error says that a hierarchy is not ours to change, as
// it is in a container.
func unusable(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)
}

// validateName refuses what could be a folder elsewhere.
func validateName(name string) error {
	if !filepath.IsLocal(name) || filepath.Clean(name) != name || name == "." || strings.ContainsAny(name, "\n\x00") {
		return fmt.Errorf("%q cannot be the name of a cgroup: give a relative path", name)
	}
	return nil
}

// Open returns the group of a name, whoever has created it, and wherever in the
// hierarchies. The error is fs.ErrNotExist if it is in none.
func Open(name string) (*Group, error) {
	if err := validateName(name); err != nil {
		return nil, err
	}
	found, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	return found.open(name)
}

func (h *hierarchies) open(name string) (*Group, error) {
	group := &Group{name: name, steps: &steps{}}
	for _, hierarchy := range h.all {
		folder, err := find(hierarchy, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for the cgroup %s in %s: %w", name, hierarchy.mountpoint, err)
		}
		group.parts = append(group.parts, &part{hierarchy: hierarchy, folder: folder})
	}
	if len(group.parts) == 0 {
		return nil, fmt.Errorf("open the cgroup %s: %w", name, fs.ErrNotExist)
	}
	return group, nil
}

// Explain has the steps that are taken from now on told to log.
func (g *Group) Explain(log explain.Log) { g.steps.log = log }

// Hierarchies are those that the group is in, as mount(8) names them: by the controllers
// of each one of version 1, or "" for that of version 2.
func (g *Group) Hierarchies() []string {
	var names []string
	for _, part := range g.parts {
		names = append(names, strings.Join(part.controllers, ","))
		if part.version == 2 {
			names[len(names)-1] = ""
		}
	}
	return names
}
