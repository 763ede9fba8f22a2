package machine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

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
	{"time", "time", unix.CLONE_NEWTIME},
}

// Namespaces tries to make a namespace of each kind but the user namespace.
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
		check.Optional = kind.flag == unix.CLONE_NEWTIME // an exercise of chapter 1
		checks = append(checks, check)
	}
	return checks
}

// UserNamespaces tries to make one. No thread of a running Go program can
// (user_namespaces(7)), so a child does.
func UserNamespaces() Check {
	check := Check{Name: "user namespace"}
	if _, err := os.Stat("/proc/self/ns/user"); err != nil {
		check.Found, check.Mend = "the kernel has none", "use a kernel with CONFIG_USER_NS"
		return check
	}
	// The child is to do nothing, so it is given nothing that it could
	// execute: that it could not (ENOENT) tells that all else was done.
	_, err := syscall.ForkExec("", nil, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}})
	check.OK = errors.Is(err, unix.ENOENT)
	switch {
	case check.OK:
		check.Found = "yes"
	case errors.Is(err, unix.ENOSPC):
		check.Found, check.Mend = "user.max_user_namespaces is used up", "sysctl -w user.max_user_namespaces=15000"
	default:
		check.Found, check.Mend = fmt.Sprintf("clone: %v", err), whyNoUserNamespace()
	}
	return check
}

// whyNoUserNamespace looks for the settings by which distributions forbid them.
func whyNoUserNamespace() string {
	for name, forbids := range map[string]string{
		"kernel.unprivileged_userns_clone":             "0",
		"kernel.apparmor_restrict_unprivileged_userns": "1",
	} {
		content, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		if err == nil && strings.TrimSpace(string(content)) == forbids {
			return fmt.Sprintf("run it as root, or sysctl -w %s=%d", name, 1-int(forbids[0]-'0'))
		}
	}
	return "run it as root, and not in a container that forbids it"
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

// Union is what a container's root needs: overlay, or AUFS.
func Union() Check { return either(Overlay(), AUFS()) }

// either is the check that went well, or else the first.
func either(first, second Check) Check {
	if !first.OK && second.OK {
		return second
	}
	return first
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
		if unix.Gettid() == unix.Getpid() {
			// But not the first, which /proc/self shows. While it is
			// locked here, another goroutine gets another one.
			defer runtime.UnlockOSThread()
			result <- onThread(do)
			return
		}
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			result <- fmt.Errorf("unshare the working folder: %w", err)
			return
		}
		result <- do()
	}()
	return <-result
}
