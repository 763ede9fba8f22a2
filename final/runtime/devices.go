package runtime

import (
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

// openNull makes standard input the container's own /dev/null, which we have just
// made. What init was born with is the host's: through /proc/self/fd/0 the
// container's root could change its mode, for everybody.
func openNull() error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/null: %w", err)
	}
	defer unix.Close(null)
	if err := unix.Dup3(null, 0, 0); err != nil {
		return fmt.Errorf("make /dev/null standard input: %w", err)
	}
	return nil
}
