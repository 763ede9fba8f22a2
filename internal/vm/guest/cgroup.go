package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// session is the cgroup that the tests are in, as everything on a machine with
// systemd is in one below the root.
const session = "session"

// mountCgroups mounts the hierarchy of version 2, or one of version 1 for each
// controller. A kernel without cgroups has nothing to mount: the tests say so.
func mountCgroups(version int) error {
	if _, err := os.Stat(cgroupRoot); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if version != 1 {
		if err := (mount{"cgroup2", cgroupRoot, 0, "nsdelegate"}).attach(); err != nil {
			return err
		}
		return os.Mkdir(filepath.Join(cgroupRoot, session), 0o755)
	}
	if err := (mount{"tmpfs", cgroupRoot, 0, "mode=0755"}).attach(); err != nil {
		return err
	}
	controllers, err := controllers()
	if err != nil {
		return err
	}
	for _, controller := range controllers {
		if err := (mount{"cgroup", filepath.Join(cgroupRoot, controller), 0, controller}).attach(); err != nil {
			return err
		}
	}
	return nil
}

// controllers reads the names of those that are switched on (cgroups(7)).
func controllers() ([]string, error) {
	file, err := os.Open("/proc/cgroups")
	if err != nil {
		return nil, fmt.Errorf("find the controllers: %w", err)
	}
	defer file.Close()
	var names []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 4 && !strings.HasPrefix(fields[0], "#") && fields[3] == "1" {
			names = append(names, fields[0])
		}
	}
	return names, lines.Err()
}

// openSession opens the cgroup for clone(2), or returns -1 where there is none.
func openSession() (int, error) {
	fd, err := unix.Open(filepath.Join(cgroupRoot, session), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("open the cgroup of the tests: %w", err)
	}
	return fd, nil
}
