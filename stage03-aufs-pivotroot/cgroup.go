package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A subsystem accounts for one kind of resource, and limits it.
type subsystem interface {
	name() string
	// wanted reports whether limits say anything for this subsystem.
	wanted(limits Limits) bool
	// files returns what to write where, in order, to set the limits of a
	// cgroup of this version.
	files(version int, limits Limits) []setting
}

// setting is a file of a cgroup and what to write to it. A kernel that does not
// have an optional one has nothing to limit there.
type setting struct {
	file, value string
	optional    bool
}

var subsystems = []subsystem{memory{}, cpu{}, cpuset{}, pids{}}

// driver makes cgroups: the two versions differ in where they may be, and in what
// has to be done before they have limits.
type driver interface {
	// create makes a cgroup for a container, in which the subsystems can be set.
	create(hierarchy Hierarchy, id string, wanted []subsystem) (folder string, err error)
}

var drivers = map[int]driver{1: v1{}, 2: v2{}}

// Cgroup is the cgroup of one container: a folder in each hierarchy that has a
// subsystem which limits it.
type Cgroup struct {
	folders []string
}

// NewCgroup makes a cgroup with limits, and no process in it. A limit for which
// there is no subsystem is an error, and nothing is left then.
func NewCgroup(limits Limits) (*Cgroup, error) {
	if limits == (Limits{}) {
		return &Cgroup{}, nil
	}
	hierarchies, err := FindHierarchies()
	if err != nil {
		return nil, err
	}
	return newCgroup(hierarchies, limits)
}

func newCgroup(hierarchies []Hierarchy, limits Limits) (*Cgroup, error) {
	plan, err := place(hierarchies, limits)
	if err != nil {
		return nil, err
	}
	cgroup := &Cgroup{}
	id := strconv.Itoa(os.Getpid()) + "-" + rand.Text()[:8]
	for index, wanted := range plan {
		if len(wanted) == 0 {
			continue
		}
		if err := cgroup.join(hierarchies[index], id, wanted, limits); err != nil {
			return nil, errors.Join(err, cgroup.Remove())
		}
	}
	return cgroup, nil
}

// place says which subsystems are to be set in which hierarchy: the plan has an
// element for each of the hierarchies, in their order, with those of our subsystems,
// in their order, that limits want and that this hierarchy is the first to have. One
// that is wanted and that no hierarchy has is an error with its name.
//
//learn:exercise
func place(hierarchies []Hierarchy, limits Limits) ([][]subsystem, error) {
	plan := make([][]subsystem, len(hierarchies))
	for _, subsystem := range subsystems {
		if !subsystem.wanted(limits) {
			continue
		}
		index := slices.IndexFunc(hierarchies, func(h Hierarchy) bool { return slices.Contains(h.Subsystems, subsystem.name()) })
		if index < 0 {
			return nil, fmt.Errorf("limit %s: no cgroup hierarchy has this subsystem", subsystem.name())
		}
		plan[index] = append(plan[index], subsystem)
	}
	return plan, nil
}

// join makes the container's cgroup in one hierarchy and sets its limits there.
func (c *Cgroup) join(hierarchy Hierarchy, id string, wanted []subsystem, limits Limits) error {
	settings := make([][]setting, len(wanted)) // known before anything is made
	for index, subsystem := range wanted {
		settings[index] = subsystem.files(hierarchy.Version, limits)
	}
	folder, err := drivers[hierarchy.Version].create(hierarchy, id, wanted)
	if folder != "" {
		c.folders = append(c.folders, folder)
	}
	if err != nil {
		return fmt.Errorf("make a cgroup in %s: %w", hierarchy.Mountpoint, err)
	}
	for index, subsystem := range wanted {
		for _, setting := range settings[index] {
			err := write(folder, setting.file, setting.value)
			if setting.optional && errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("limit %s: %w", subsystem.name(), err)
			}
		}
	}
	return nil
}

// Add moves a process into the cgroup: into its folder in every hierarchy. The
// children that the process has from then on are born there. Where nothing is limited
// there are no folders, and nothing is done.
//
//learn:exercise
func (c *Cgroup) Add(pid int) error {
	for _, folder := range c.folders {
		if err := write(folder, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("put process %d into its cgroup: %w", pid, err)
		}
	}
	return nil
}

// Remove removes the cgroup: its folders, the one made last first, and the folder
// above each, unless others are in that. One that is gone already is no error. A
// process that has just died may keep a folder busy (EBUSY) for another moment, so
// Remove tries again for up to 5 seconds; any other error ends it.
//
//learn:exercise
func (c *Cgroup) Remove() error {
	for _, folder := range slices.Backward(c.folders) {
		deadline := time.Now().Add(5 * time.Second)
		for pause := time.Millisecond; ; pause *= 2 {
			err := unix.Rmdir(folder)
			if err == nil || errors.Is(err, unix.ENOENT) {
				break
			}
			if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
				return fmt.Errorf("remove the cgroup %s: %w", folder, err)
			}
			<-time.After(pause)
		}
		// Others may be in the one above; then it stays, for the last of them.
		_ = unix.Rmdir(filepath.Dir(folder))
	}
	return nil
}

// write writes to a file of a cgroup. The kernel makes these; one that is not
// there is never made.
func write(folder, name, value string) error {
	file, err := os.OpenFile(filepath.Join(folder, name), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}

// makeFolder makes a cgroup for the container id below parent, in one that all
// containers have in common. That one may be removed by the last of the others
// while we are at it.
func makeFolder(parent, id string) (string, error) {
	folder := filepath.Join(parent, "mytinydocker", id)
	for {
		if err := os.Mkdir(filepath.Dir(folder), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
		err := os.Mkdir(folder, 0o755)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		return folder, nil
	}
}
