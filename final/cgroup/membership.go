package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// membership is a line of /proc/self/cgroup: where in a hierarchy a process is.
// Without controllers it is that of version 2.
type membership struct {
	controllers []string
	path        string
}

// parseMemberships parses lines such as "4:memory:/group", or "0::/group" for
// version 2 (cgroups(7)). Named hierarchies, such as "1:name=systemd:/", have no
// controllers and are left out.
func parseMemberships(text string) ([]membership, error) {
	var members []membership
	for line := range strings.Lines(text) {
		content, whole := strings.CutSuffix(line, "\n")
		fields := strings.SplitN(content, ":", 3)
		if !whole || len(fields) != 3 || !strings.HasPrefix(fields[2], "/") {
			return nil, fmt.Errorf("not a line of /proc/self/cgroup: %q", line)
		}
		number, err := strconv.ParseUint(fields[0], 10, 31)
		if err != nil || (number == 0) != (fields[1] == "") {
			return nil, fmt.Errorf("not a hierarchy in /proc/self/cgroup: %q", line)
		}
		member := membership{path: fields[2]}
		if number > 0 {
			member.controllers = strings.Split(fields[1], ",")
			if slices.Contains(member.controllers, "") {
				return nil, fmt.Errorf("a controller without a name in /proc/self/cgroup: %q", line)
			}
		}
		if number == 0 || !strings.HasPrefix(fields[1], "name=") {
			members = append(members, member)
		}
	}
	return members, nil
}

// locate finds the mount of each hierarchy that we are a member of, in which our
// cgroup can be seen, and notes why there is none for another.
func (h *hierarchies) locate(mounts []*mountinfo.Info, members []membership) []*hierarchy {
	var found []*hierarchy
	for _, member := range members {
		problem := "its hierarchy is not mounted"
		for _, mount := range mounts {
			if !member.isOf(mount) {
				continue
			}
			own, err := ownFolder(mount, member.path)
			if err == nil {
				problem = ""
				found = append(found, member.hierarchy(mount.Mountpoint, own))
				break
			}
			problem = err.Error()
		}
		if problem != "" {
			h.note(member.controllers, problem)
		}
	}
	return found
}

// isOf reports whether a mount shows the hierarchy. A mount of version 1 names its
// controllers among its options.
func (m membership) isOf(mount *mountinfo.Info) bool {
	if m.controllers == nil {
		return mount.FSType == "cgroup2"
	}
	options := strings.Split(mount.VFSOptions, ",")
	missing := func(controller string) bool { return !slices.Contains(options, controller) }
	return mount.FSType == "cgroup" && !slices.ContainsFunc(m.controllers, missing)
}

func (m membership) hierarchy(mountpoint, own string) *hierarchy {
	if m.controllers == nil {
		return &hierarchy{version: 2, mountpoint: mountpoint, own: own}
	}
	return &hierarchy{version: 1, mountpoint: mountpoint, own: own, controllers: m.controllers}
}

// ownFolder returns the folder of the cgroup at path. A mount may show only the part
// of a hierarchy below its root. Both are told as seen from our cgroup namespace:
// what is outside of it begins with "/..", and has no names there
// (cgroup_namespaces(7)).
func ownFolder(mount *mountinfo.Info, path string) (string, error) {
	outside := func(path string) bool { return path == "/.." || strings.HasPrefix(path, "/../") }
	switch {
	case outside(mount.Root):
		return "", fmt.Errorf("%s was mounted before this cgroup namespace was made: mount it again", mount.Mountpoint)
	case outside(path):
		return "", fmt.Errorf("our cgroup %s is outside of our cgroup namespace", path)
	}
	below, ok := strings.CutPrefix(path+"/", strings.TrimSuffix(mount.Root, "/")+"/")
	if !ok {
		return "", fmt.Errorf("our cgroup %s is not in %s, the part of the hierarchy that %s shows", path, mount.Root, mount.Mountpoint)
	}
	folder := filepath.Join(mount.Mountpoint, below)
	if folder != mount.Mountpoint && !strings.HasPrefix(folder, strings.TrimSuffix(mount.Mountpoint, "/")+"/") {
		return "", errors.New("our cgroup has a path that leads out of the hierarchy: " + path)
	}
	return folder, nil
}
