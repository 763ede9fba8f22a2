package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

var programs = map[string]func(args []string) error{
	"files":   files,
	"binary":  binary,
	"remount": func(args []string) error { each(args, remount); return nil },
	"mkdir": func(args []string) error {
		each(args, func(path string) error { return unix.Mkdir(path, 0o755) })
		return nil
	},
	"umount":   func(args []string) error { each(args, umount); return nil },
	"type":     typeInto,
	"who":      func([]string) error { say(fmt.Sprint("euid ", unix.Geteuid(), ":"), nil); return nil },
	"status":   status,
	"chroot":   chroot,
	"swap":     swap,
	"readable": readable,
	"spy":      spy,
	"shm":      sharedMemory,
	"i386":     func([]string) error { say(fmt.Sprint("i386 ", oldEntry() > 0), nil); return nil },
	"x32":      func([]string) error { say("x32", call(1<<30|unix.SYS_GETPID)); return nil },
	"keys":     keys,
	"device":   func(args []string) error { each(args, device); return nil },
}

// files prints what is open beyond the standard files.
func files([]string) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		number, err := strconv.Atoi(entry.Name())
		target, readErr := os.Readlink("/proc/self/fd/" + entry.Name())
		if err != nil || readErr != nil || number <= 2 {
			continue
		}
		// What Go opens for itself: its poller, and the limits of its own cgroup.
		if !strings.HasPrefix(target, "anon_inode:[event") && !strings.HasPrefix(target, "/sys/fs/cgroup/") && target != "/proc/self/fd" {
			fmt.Fprintln(os.Stdout, number, target)
		}
	}
	say("files", nil)
	return nil
}

// binary opens the program of a process for writing, as CVE-2019-5736 did. While it
// runs, that is refused anyway (ETXTBSY); to give it the mode that it has is not.
func binary(args []string) error {
	path := "/proc/" + args[0] + "/exe"
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return err
	}
	say("write", open(path, unix.O_WRONLY))
	say("change", unix.Chmod(path, stat.Mode&0o7777))
	return nil
}

func remount(path string) error {
	return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND, "")
}

func umount(path string) error { return unix.Unmount(path, unix.MNT_DETACH) }

// typeInto types into the terminal that is standard input (ioctl_tiocsti(2const)).
func typeInto(args []string) error {
	for _, letter := range []byte(args[0]) {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&letter)))
		if errno != 0 {
			return errno
		}
	}
	say("type", nil)
	return nil
}

// status prints a line of its own proc_pid_status(5): what a program has become, it
// knows only itself.
func status(args []string) error {
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, args[0]+":") {
			fmt.Fprint(os.Stdout, line)
		}
	}
	return nil
}

// chroot is the oldest way out of a chroot: a folder that stays open while the root
// goes further down leads up past it.
func chroot([]string) error {
	var before, after unix.Stat_t
	if err := unix.Stat("/", &before); err != nil {
		return err
	}
	if err := os.MkdirAll("/tmp/cell", 0o755); err != nil {
		return err
	}
	if err := unix.Chroot("/tmp/cell"); err != nil {
		return err
	}
	for range 64 {
		if err := unix.Chdir(".."); err != nil {
			return err
		}
	}
	if err := unix.Stat(".", &after); err != nil {
		return err
	}
	say(fmt.Sprint("same root ", before.Ino == after.Ino && before.Dev == after.Dev), nil)
	return nil
}

// swap exchanges two names until it is killed (renameat2(2), RENAME_EXCHANGE).
func swap(args []string) error {
	say("swap", nil)
	for {
		if err := unix.Renameat2(unix.AT_FDCWD, args[0], unix.AT_FDCWD, args[1], unix.RENAME_EXCHANGE); err != nil {
			return err
		}
	}
}

// readable becomes a user and lists what that can open below a folder.
func readable(args []string) error {
	uid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Setgroups(nil), unix.Setgid(uid), unix.Setuid(uid)); err != nil {
		return err
	}
	err = filepath.WalkDir(args[1], func(path string, entry fs.DirEntry, err error) error {
		if err == nil && (entry.IsDir() && path != args[1] || open(path, unix.O_RDONLY) == nil) {
			fmt.Fprintln(os.Stdout, path)
		}
		return nil
	})
	say("readable", nil)
	return err
}

// spy looks, so many times as it is told, into each process that appears, and prints
// what it finds there that it is not to see.
func spy(args []string) error {
	met := make(map[string]bool)
	say("spy", nil)
	for wanted, err := strconv.Atoi(args[0]); len(met) < wanted; {
		if err != nil {
			return err
		}
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if pid, err := strconv.Atoi(entry.Name()); err == nil && pid > 1 && pid != os.Getpid() {
				look(entry.Name())
				met[entry.Name()] = true
			}
		}
	}
	say("met", nil)
	return nil
}

func look(pid string) {
	if environment, err := os.ReadFile("/proc/" + pid + "/environ"); err == nil && strings.Contains(string(environment), "SECRET") {
		fmt.Fprintln(os.Stdout, "environment of", pid)
	}
	program, err := os.Readlink("/proc/" + pid + "/exe")
	if err == nil && program != "/bin/box" && program != "/probe" {
		fmt.Fprintln(os.Stdout, "program of", pid, program)
	}
	entries, _ := os.ReadDir("/proc/" + pid + "/fd") // it may be gone
	for _, entry := range entries {
		target, err := os.Readlink("/proc/" + pid + "/fd/" + entry.Name())
		if err == nil && strings.HasPrefix(target, "/") && !usual(target) {
			fmt.Fprintln(os.Stdout, "file of", pid, target)
		}
	}
}

// usual reports whether a program of the container may well have a file open: Go
// programs look at the limits of their own cgroup, and at the size of huge pages.
func usual(path string) bool {
	return strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/fs/cgroup/") || strings.HasPrefix(path, "/sys/kernel/mm/")
}

// sharedMemory finds a System V segment by its key.
func sharedMemory(args []string) error {
	key, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	_, err = unix.SysvShmGet(key, 4096, 0)
	say("shm", err)
	return nil
}

// keys looks for a key by its name in the keyrings of whoever called us.
func keys(args []string) error {
	_, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", args[0], 0)
	say("keys", err)
	return nil
}

// device says what a file is.
func device(path string) error {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return err
	}
	return fmt.Errorf("%o %d:%d", stat.Mode&unix.S_IFMT>>12, unix.Major(stat.Rdev), unix.Minor(stat.Rdev))
}
