package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// hierarchies returns the mounts of cgroup hierarchies, v1 and v2.
func hierarchies() ([]*mountinfo.Info, error) {
	return mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
}

// Cgroups tells which versions are mounted, and where.
func Cgroups() Check {
	check := Check{Name: "cgroups", Mend: "mount -t cgroup2 none /sys/fs/cgroup"}
	mounts, err := hierarchies()
	if err != nil {
		check.Found = err.Error()
		return check
	}
	var v1, v2 []string
	for _, mount := range mounts {
		if mount.FSType == "cgroup2" {
			v2 = append(v2, mount.Mountpoint)
		} else {
			v1 = append(v1, mount.Mountpoint)
		}
	}
	switch {
	case len(v1) > 0 && len(v2) > 0:
		check.Found = fmt.Sprintf("v1 (%d hierarchies) and v2 at %s", len(v1), v2[0])
	case len(v1) > 0:
		check.Found = fmt.Sprintf("v1 (%d hierarchies)", len(v1))
	case len(v2) > 0:
		check.Found = "v2 at " + v2[0]
	default:
		check.Found = "no hierarchy is mounted"
	}
	check.OK = len(mounts) > 0
	return check
}

// Controller looks for a controller that can be used, in the v1 and in the v2
// hierarchies.
func Controller(name string) Check {
	check := Check{Name: name + " controller", Mend: "mount its hierarchy, or boot without cgroup_disable=" + name}
	mounts, err := hierarchies()
	if err != nil {
		check.Found = err.Error()
		return check
	}
	for _, mount := range mounts {
		if version, has := offers(mount, name); has {
			check.Found = version + " at " + mount.Mountpoint
			check.OK = true
			if err := unix.Access(mount.Mountpoint, unix.W_OK); err != nil {
				check.OK, check.Mend = false, "run it as root, and where the hierarchy is mounted read-write"
				check.Found += ": " + err.Error()
			}
			return check
		}
	}
	check.Found = "in no mounted hierarchy"
	return check
}

// offers tells whether a hierarchy has a controller, and which version it is.
func offers(mount *mountinfo.Info, controller string) (version string, has bool) {
	if mount.FSType == "cgroup2" {
		return "v2", v2Has(mount.Mountpoint, controller)
	}
	return "v1", slices.Contains(strings.Split(mount.VFSOptions, ","), controller)
}

func v2Has(mountpoint, controller string) bool {
	content, err := os.ReadFile(filepath.Join(mountpoint, "cgroup.controllers"))
	return err == nil && slices.Contains(strings.Fields(string(content)), controller)
}

// CgroupV1 looks for the memory controller in a v1 hierarchy.
func CgroupV1() Check { return version("v1", "boot with systemd.unified_cgroup_hierarchy=0") }

// CgroupV2 looks for the memory controller in the v2 hierarchy.
func CgroupV2() Check { return version("v2", "boot with systemd.unified_cgroup_hierarchy=1") }

func version(wanted, mend string) Check {
	check := Controller("memory")
	check.Name = "cgroup " + wanted
	if !strings.HasPrefix(check.Found, wanted) {
		check.OK, check.Found, check.Mend = false, "memory is "+check.Found, mend
	}
	return check
}
