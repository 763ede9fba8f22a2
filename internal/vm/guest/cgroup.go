package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// session is the cgroup that the tests are in, as everything on a machine with
// systemd is in one below the root.
const session = "session"

// mountCgroups mounts the hierarchy of version 2, or one of version 1 for each
// controller.
func mountCgroups(version int) error {
	if _, err := os.Stat(cgroupRoot); errors.Is(err, fs.ErrNotExist) {
		return nil // a kernel without
	}
	if version == 1 {
		return mountVersion1()
	}
	known, err := (mount{"cgroup2", cgroupRoot, 0, "nsdelegate"}).attach()
	if err != nil || !known {
		return err
	}
	return enterSession()
}

func mountVersion1() error {
	if _, err := (mount{"tmpfs", cgroupRoot, 0, "mode=0755"}).attach(); err != nil {
		return err
	}
	controllers, err := controllers()
	if err != nil {
		return err
	}
	for _, controller := range controllers {
		if _, err := (mount{"cgroup", filepath.Join(cgroupRoot, controller), 0, controller}).attach(); err != nil {
			return err
		}
	}
	return nil
}

// enterSession moves us, and with us all that we start, into a cgroup.
func enterSession() error {
	group := filepath.Join(cgroupRoot, session)
	if err := os.Mkdir(group, 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(group, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("0")
	return errors.Join(err, file.Close())
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
