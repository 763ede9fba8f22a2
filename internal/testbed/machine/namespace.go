package machine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

var kinds = []struct {
	name, file string
	flag       int
}{
	{"UTS", "uts", unix.CLONE_NEWUTS},
	{"PID", "pid", unix.CLONE_NEWPID},
	{"mount", "mnt", unix.CLONE_NEWNS},
	{"network", "net", unix.CLONE_NEWNET},
	{"IPC", "ipc", unix.CLONE_NEWIPC},
	{"cgroup", "cgroup", unix.CLONE_NEWCGROUP},
}

// Namespaces tries to make a namespace of each kind.
func Namespaces() []Check {
	var checks []Check
	for _, kind := range kinds {
		check := Check{Name: kind.name + " namespace", Mend: "needs root, and CAP_SYS_ADMIN where this is itself a container"}
		if _, err := os.Stat("/proc/self/ns/" + kind.file); err != nil {
			check.Found, check.Mend = "the kernel has none", "use a kernel with CONFIG_NAMESPACES and all below it"
		} else if err := onThread(func() error { return unix.Unshare(kind.flag) }); err != nil {
			check.Found = "unshare: " + err.Error()
		} else {
			check.OK, check.Found = true, "yes"
		}
		checks = append(checks, check)
	}
	return checks
}

// UserNamespaces tells whether there may be user namespaces. No thread of a
// running Go program can make one (user_namespaces(7)), so it looks.
func UserNamespaces() Check {
	check := Check{Name: "user namespace", Mend: "sysctl -w user.max_user_namespaces=15000"}
	if _, err := os.Stat("/proc/self/ns/user"); err != nil {
		check.Found, check.Mend = "the kernel has none", "use a kernel with CONFIG_USER_NS"
		return check
	}
	limit, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	if err != nil {
		check.Found = err.Error()
		return check
	}
	check.Found = "user.max_user_namespaces = " + strings.TrimSpace(string(limit))
	check.OK = strings.TrimSpace(string(limit)) != "0"
	return check
}

// Overlay mounts one, in a mount namespace of its own.
func Overlay() Check {
	return union("overlay", "overlay", "modprobe overlay, or use a kernel with CONFIG_OVERLAY_FS",
		func(lower, upper, work string) string {
			return "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work
		})
}

// AUFS mounts one, in a mount namespace of its own.
func AUFS() Check {
	return union("AUFS", "aufs", "no stock kernel has it: overlay does the same work, or build a kernel with AUFS",
		func(lower, upper, _ string) string { return "br=" + upper + "=rw:" + lower + "=ro+wh" })
}

func union(name, filesystem, mend string, options func(lower, upper, work string) string) Check {
	check := Check{Name: name, Mend: mend}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("make the mounts private: %w", err)
		}
		// On a tmpfs: neither takes its own kind as the upper layer, and the
		// temporary folder may be on one.
		base := os.TempDir()
		if err := unix.Mount("none", base, "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("mount a tmpfs: %w", err)
		}
		folders := []string{base + "/lower", base + "/upper", base + "/work", base + "/merged"}
		for _, folder := range folders {
			if err := os.Mkdir(folder, 0o700); err != nil {
				return err
			}
		}
		return unix.Mount("none", folders[3], filesystem, 0, options(folders[0], folders[1], folders[2]))
	})
	switch {
	case err == nil:
		check.OK, check.Found = true, "yes"
	case errors.Is(err, unix.ENODEV):
		check.Found = "the kernel does not know " + filesystem
	case errors.Is(err, unix.EPERM):
		check.Found, check.Mend = "mount: "+err.Error(), "run it as root"
	default:
		check.Found = "mount: " + err.Error()
	}
	return check
}

// onThread calls do on a thread of its own, which ends afterwards and takes the
// namespaces that do made with it.
func onThread(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the runtime then ends the thread
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			result <- fmt.Errorf("unshare the working folder: %w", err)
			return
		}
		result <- do()
	}()
	return <-result
}
