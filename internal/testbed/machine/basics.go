package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Kernel looks for Linux 5.11, the first with close_range's CLOSE_RANGE_CLOEXEC.
func Kernel() Check {
	check := Check{Name: "kernel", Mend: "update to Linux 5.11 or newer"}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		check.Found = err.Error()
		return check
	}
	release := unix.ByteSliceToString(name.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		check.Found = fmt.Sprintf("release %q is not a version", release)
		return check
	}
	check.OK = major > 5 || major == 5 && minor >= 11
	check.Found = "Linux " + release
	return check
}

// Go tells which Go this program was built with.
func Go() Check {
	return Check{Name: "Go", OK: true, Found: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
}

// Compiler looks for the C compiler that cgo calls.
func Compiler() Check {
	check := Check{Name: "C compiler", Mend: "apt-get install gcc libc6-dev (or your system's C compiler)"}
	name := os.Getenv("CC")
	if name == "" {
		name = "gcc"
	}
	return program(name, check)
}

// GoTool looks for the go command, which builds what some tests run.
func GoTool() Check {
	return program("go", Check{Name: "go command", Mend: "put Go's bin folder into PATH: https://go.dev/dl/"})
}

// QEMU looks for the emulator that boots other kernels.
func QEMU() Check {
	return program("qemu-system-x86_64", Check{Name: "QEMU", Mend: "apt-get install qemu-system-x86 (to test under other kernels)"})
}

func program(name string, check Check) Check {
	path, err := exec.LookPath(name)
	check.OK, check.Found = err == nil, path
	if err != nil {
		check.Found = name + " is not in PATH"
	}
	return check
}

// Root looks for root, or a way to become it: containers without are not a
// subject of this project.
func Root() Check {
	check := Check{Name: "root", Mend: "run it as root, or install sudo"}
	if os.Geteuid() == 0 {
		check.OK, check.Found = true, "yes"
		return check
	}
	check.Found = fmt.Sprintf("user %d", os.Geteuid())
	return check
}

// Terminal tells whether standard input is a terminal.
func Terminal() Check {
	check := Check{Name: "terminal", Optional: true, Mend: "run it in a terminal to get a prompt from `mage run`"}
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err != nil {
		check.Found = "standard input is not one"
		return check
	}
	check.OK, check.Found = true, os.Getenv("TERM")
	return check
}

// Forwarding tells whether the machine passes packets on between its links.
func Forwarding() Check {
	check := Check{Name: "forwarding", Mend: "sysctl -w net.ipv4.ip_forward=1 (chapter 6 does it for itself)"}
	content, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		check.Found = err.Error()
		return check
	}
	check.Found = "net.ipv4.ip_forward = " + strings.TrimSpace(string(content))
	check.OK = strings.TrimSpace(string(content)) == "1"
	return check
}

// enough is a few images and their containers.
const enough = 512 << 20

// Space looks for room in a folder, or in the nearest one above it that exists.
func Space(folder string) Check {
	check := Check{Name: "disk space", Mend: fmt.Sprintf("make room for %d MB", enough>>20)}
	var status unix.Statfs_t
	err := unix.Statfs(folder, &status)
	for errors.Is(err, unix.ENOENT) && folder != "/" {
		folder = filepath.Dir(folder)
		err = unix.Statfs(folder, &status)
	}
	if err != nil {
		check.Found = err.Error()
		return check
	}
	free := status.Bavail * uint64(status.Bsize)
	check.OK = free >= enough
	check.Found = fmt.Sprintf("%d MB free in %s", free>>20, folder)
	return check
}
