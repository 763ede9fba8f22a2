package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// mounts lists the mounts of this mount namespace.
func mounts() ([]string, error) {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, err
	}
	var things []string
	for _, mount := range all {
		things = append(things, fmt.Sprintf("%s (%s) on %s", mount.Source, mount.FSType, mount.Mountpoint))
	}
	return things, nil
}

// cgroups lists the cgroups of this project, on the whole machine: no namespace
// keeps a test from making one.
func cgroups() ([]string, error) {
	hierarchies, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, err
	}
	var things []string
	for _, hierarchy := range hierarchies {
		err := filepath.WalkDir(hierarchy.Mountpoint, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it has just gone
			}
			if err == nil && entry.IsDir() && strings.Contains(path, "tinydocker") {
				things = append(things, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return things, nil
}

// ipcObjects lists the System V objects of this IPC namespace, which live until
// they are removed or the machine is restarted.
func ipcObjects() ([]string, error) {
	var things []string
	for _, kind := range []string{"msg", "sem", "shm"} {
		content, err := os.ReadFile("/proc/sysvipc/" + kind)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[1:] {
			fields := strings.Fields(line)
			things = append(things, fmt.Sprintf("%s %s (ipcs -a)", kind, fields[1]))
		}
	}
	return things, nil
}
