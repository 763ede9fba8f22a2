package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Hierarchy is a tree of cgroups, mounted as a tree of folders. In version 1
// there are several, each with some of the subsystems; in version 2 there is one
// with all of them, which are called controllers there.
type Hierarchy struct {
	Version    int
	Mountpoint string
	Own        string // the folder of the cgroup that we are in ourselves
	Subsystems []string
}

// FindHierarchies asks the kernel which hierarchies there are. Where they are
// mounted is up to each machine.
func FindHierarchies() ([]Hierarchy, error) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find the cgroup hierarchies: %w", err)
	}
	cgroup, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("find our cgroups: %w", err)
	}
	hierarchies, err := parseHierarchies(string(mountinfo), string(cgroup))
	if err != nil {
		return nil, fmt.Errorf("find the cgroup hierarchies: %w", err)
	}
	for index := range hierarchies {
		if hierarchies[index].Version == 2 {
			if err := hierarchies[index].readControllers(); err != nil {
				return nil, err
			}
		}
	}
	return hierarchies, nil
}

// readControllers reads what a v2 hierarchy says only in a file of its root: those
// subsystems that no v1 hierarchy has taken.
func (h *Hierarchy) readControllers() error {
	content, err := os.ReadFile(filepath.Join(h.Mountpoint, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("find the controllers of the hierarchy %s: %w", h.Mountpoint, err)
	}
	h.Subsystems = strings.Fields(string(content))
	return nil
}

// parseHierarchies combines what /proc/self/mountinfo says, where a hierarchy is
// mounted, with what /proc/self/cgroup says, where in it we are (cgroups(7)). The
// file system is called cgroup in version 1 and cgroup2 in version 2. Hierarchies
// come in the order of their lines, each once, as it is mounted first; one of version
// 1 that has no subsystem is left out. The subsystems of version 2 are not in either
// text, and stay empty. A line that is no mount is an error.
//
//learn:exercise
func parseHierarchies(mountinfo, cgroup string) ([]Hierarchy, error) {
	var hierarchies []Hierarchy
	seen := make(map[string]bool)
	for line := range strings.Lines(mountinfo) {
		mount, err := parseMount(line)
		if err != nil {
			return nil, err
		}
		hierarchy := Hierarchy{Mountpoint: mount.mountpoint}
		switch mount.filesystem {
		case "cgroup2":
			hierarchy.Version = 2
		case "cgroup":
			hierarchy.Version = 1
			hierarchy.Subsystems = subsystemsIn(mount.options)
		}
		named := hierarchy.Version == 1 && len(hierarchy.Subsystems) == 0
		if hierarchy.Version == 0 || named || seen[mount.device] {
			continue
		}
		seen[mount.device] = true
		hierarchy.Own = ownFolder(mount, ownPath(cgroup, hierarchy))
		hierarchies = append(hierarchies, hierarchy)
	}
	return hierarchies, nil
}

// mount is a line of mountinfo.
type mount struct {
	device, root, mountpoint, filesystem, options string
}

// parseMount parses a line such as this one (proc_pid_mountinfo(5)), in which any
// number of optional fields come before the hyphen:
//
//	35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory
func parseMount(line string) (mount, error) {
	fields := strings.Split(strings.TrimSuffix(line, "\n"), " ") // one of them may be empty
	hyphen := slices.Index(fields, "-")
	if hyphen < 6 || len(fields) < hyphen+4 {
		return mount{}, errors.New("not a line of mountinfo: " + strings.TrimSpace(line))
	}
	// What would end a field is written as an octal number.
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
	return mount{
		device: fields[2], root: unescape(fields[3]), mountpoint: unescape(fields[4]),
		filesystem: fields[hyphen+1], options: fields[hyphen+3],
	}, nil
}

// subsystemsIn picks the subsystems out of the options of a v1 mount.
func subsystemsIn(options string) []string {
	var found []string
	for _, option := range strings.Split(options, ",") {
		if option != "rw" && option != "ro" && !strings.Contains(option, "=") && option != "xattr" && option != "clone_children" {
			found = append(found, option)
		}
	}
	return found
}

// ownPath returns where we are in a hierarchy. The lines of /proc/self/cgroup are
// "number:subsystems:path", and that of the v2 hierarchy is "0::path".
func ownPath(cgroup string, hierarchy Hierarchy) string {
	for line := range strings.Lines(cgroup) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && fields[1] == strings.Join(hierarchy.Subsystems, ",") {
			return fields[2]
		}
	}
	return "/"
}

// ownFolder returns the folder of the cgroup at path. A mount may show only the part
// of a hierarchy that lies below its root: below the mount point, the path goes on
// from there. Of a cgroup that is not in that part there is no folder; the mount point
// stands in for it.
//
//learn:exercise
func ownFolder(mount mount, path string) string {
	below, err := filepath.Rel(mount.root, path)
	if err != nil || below == ".." || strings.HasPrefix(below, "../") {
		return mount.mountpoint
	}
	return filepath.Join(mount.mountpoint, below)
}
