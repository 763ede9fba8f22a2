package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// hierarchy is a tree of cgroups, mounted as a tree of folders. Version 1 has
// several, each with some of the controllers; version 2 has one, with those that no
// hierarchy of version 1 has taken (cgroups(7)).
type hierarchy struct {
	version     int
	mountpoint  string
	own         string // the folder of the cgroup that we are in
	controllers []string
}

// has reports whether the hierarchy has a controller.
func (h *hierarchy) has(controller string) bool { return slices.Contains(h.controllers, controller) }

// hierarchies are those that can be used, and why others cannot.
type hierarchies struct {
	all      []*hierarchy
	problems map[string]string // of a controller, or of "" for version 2
}

// note keeps why a hierarchy cannot be used.
func (h *hierarchies) note(controllers []string, problem string) {
	if h.problems == nil {
		h.problems = make(map[string]string)
	}
	for _, controller := range controllers {
		h.problems[controller] = problem
	}
	if len(controllers) == 0 {
		h.problems[""] = problem
	}
}

// with returns the hierarchy that has a controller, or nil.
func (h *hierarchies) with(controller string) *hierarchy {
	index := slices.IndexFunc(h.all, func(one *hierarchy) bool { return one.has(controller) })
	if index < 0 {
		return nil
	}
	return h.all[index]
}

// missing is the error for a controller that is needed and is nowhere.
func (h *hierarchies) missing(controller string) error {
	reason := "no mounted cgroup hierarchy has it"
	if problem := h.problems[controller]; problem != "" {
		reason = problem
	}
	if problem := h.problems[""]; problem != "" {
		reason += ", and version 2 is of no use: " + problem
	}
	return fmt.Errorf("the cgroup controller %s is missing: %s; mount it (mount -t cgroup -o %s none FOLDER, or mount -t cgroup2 none FOLDER), "+
		"boot without cgroup_disable=%s, or do without the limit", controller, reason, controller, controller)
}

// Controllers returns what can limit, count or stop a container here, each by the name
// and with the version of the kernel's that has it. What version 2 does for devices
// and as a freezer is no controller there, but has the name of the one in version 1.
func Controllers() (map[string]int, error) {
	found, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	return found.controllers(), nil
}

func (h *hierarchies) controllers() map[string]int {
	versions := make(map[string]int)
	for _, hierarchy := range h.all {
		names := hierarchy.controllers
		if hierarchy.version == 2 {
			names = append([]string{"devices", "freezer"}, names...)
		}
		for _, name := range names {
			limits := slices.Contains(useful, name) || slices.Contains(wantedV2, name)
			if limits && (versions[name] == 0 || hierarchy.version == 1) {
				versions[name] = hierarchy.version
			}
		}
	}
	return versions
}

// findHierarchies asks the kernel which hierarchies there are, where they are
// mounted, and where in them we are.
func findHierarchies() (*hierarchies, error) {
	content, err := os.ReadFile("/proc/self/cgroup")
	if errors.Is(err, fs.ErrNotExist) {
		return &hierarchies{}, nil // a kernel without cgroups
	}
	if err != nil {
		return nil, fmt.Errorf("find our cgroups: %w", err)
	}
	members, err := parseMemberships(string(content))
	if err != nil {
		return nil, fmt.Errorf("find our cgroups: %w", err)
	}
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, fmt.Errorf("find the cgroup hierarchies: %w", err)
	}
	found := &hierarchies{}
	for _, hierarchy := range found.locate(slices.DeleteFunc(mounts, covered), members) {
		if err := hierarchy.look(); err != nil {
			found.note(hierarchy.controllers, err.Error())
			continue
		}
		found.all = append(found.all, hierarchy)
	}
	return found, nil
}

// look makes sure that our own cgroup is there, and reads what a hierarchy of
// version 2 says only in a file: its controllers.
func (h *hierarchy) look() error {
	if _, err := os.Stat(filepath.Join(h.own, "cgroup.procs")); err != nil {
		return err
	}
	if h.version == 1 {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(h.mountpoint, "cgroup.controllers"))
	h.controllers = strings.Fields(string(content))
	return err
}

// covered reports whether something else is mounted over a mount: what is at its
// mount point would then not be a cgroup.
func covered(mount *mountinfo.Info) bool {
	var stat unix.Stat_t
	err := unix.Stat(mount.Mountpoint, &stat)
	return err != nil || stat.Dev != unix.Mkdev(uint32(mount.Major), uint32(mount.Minor))
}
