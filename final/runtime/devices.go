package runtime

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// devices are the nodes that every container has: what the runtime
// specification calls the default devices (config-linux.md).
var devices = []struct {
	name         string
	major, minor uint32
}{
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
}

var deviceLinks = [][2]string{
	{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	{"pts/ptmx", "ptmx"},
}

// makeDevices fills /dev, which is an empty tmpfs of ours.
func makeDevices() error {
	defer unix.Umask(unix.Umask(0))
	for _, device := range devices {
		path := "/dev/" + device.name
		number := int(unix.Mkdev(device.major, device.minor))
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, number); err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
	}
	for _, link := range deviceLinks {
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
