package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// mounts lists the mounts of this mount namespace. The number tells one from its
// like on the same place.
func mounts() ([]string, error) {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, err
	}
	var things []string
	for _, mount := range all {
		things = append(things, fmt.Sprintf("%s (%s) on %s (see: grep '^%d ' /proc/self/mountinfo)",
			mount.Source, mount.FSType, mount.Mountpoint, mount.ID))
	}
	return things, nil
}

// ipcObjects lists the System V objects of this IPC namespace, which live until
// they are removed or the namespace is gone.
func ipcObjects() ([]string, error) {
	var things []string
	for _, kind := range []string{"msg", "sem", "shm"} {
		content, err := os.ReadFile("/proc/sysvipc/" + kind)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil // a kernel without
		}
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[1:] {
			fields := strings.Fields(line)
			things = append(things, fmt.Sprintf("%s %s (see: ipcs -a)", kind, fields[1]))
		}
	}
	return things, nil
}

// hostname returns the one name there is; a second one is a leak.
func hostname() ([]string, error) {
	name, err := os.Hostname()
	return []string{name + " (see: uname -n)"}, err
}
