package runtime

import (
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// devices are the nodes that every container has: what the runtime
// specification calls the default devices (config-linux.md).
var devices = []specs.LinuxDevice{
	{Path: "/dev/null", Type: "c", Major: 1, Minor: 3}, {Path: "/dev/zero", Type: "c", Major: 1, Minor: 5},
	{Path: "/dev/full", Type: "c", Major: 1, Minor: 7}, {Path: "/dev/random", Type: "c", Major: 1, Minor: 8},
	{Path: "/dev/urandom", Type: "c", Major: 1, Minor: 9}, {Path: "/dev/tty", Type: "c", Major: 5, Minor: 0},
}

var deviceLinks = [][2]string{
	{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	{"pts/ptmx", "ptmx"},
}

// makeDevices fills /dev, which is an empty tmpfs of ours, with what every container
// has and what this one asks for.
func makeDevices(more []specs.LinuxDevice, log explain.Log) error {
	defer unix.Umask(unix.Umask(0))
	if err := (deviceFolder{root: unix.AT_FDCWD}).fill(more, log); err != nil {
		return err
	}
	return makeDeviceLinks(log)
}

func makeDeviceLinks(log explain.Log) error {
	for _, link := range deviceLinks {
		log.Run(explain.Beyond, "ln", "-s", link[0], "/dev/"+link[1])
		if err := os.Symlink(link[0], "/dev/"+link[1]); err != nil {
			return fmt.Errorf("make a link in /dev: %w", err)
		}
	}
	return nil
}

// openNull makes standard input the container's own /dev/null. What we were born
// with is the host's: through /proc/self/fd/0 the container's root could change its
// mode, for everybody. In a container that runs, it may by now be anything, even
// what opening it waits for.
func openNull() error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open /dev/null: %w", err)
	}
	defer unix.Close(null)
	var stat unix.Stat_t
	if err := unix.Fstat(null, &stat); err != nil {
		return fmt.Errorf("look at /dev/null: %w", err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFCHR || stat.Rdev != unix.Mkdev(1, 3) {
		return errors.New("open /dev/null: the container has put something else there")
	}
	if err := unix.SetNonblock(null, false); err != nil {
		return fmt.Errorf("open /dev/null: %w", err)
	}
	if err := unix.Dup3(null, 0, 0); err != nil {
		return fmt.Errorf("make /dev/null standard input: %w", err)
	}
	return nil
}
