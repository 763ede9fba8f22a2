package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// A broken tinydocker runs as root, and what it lacks may be just that which protects the
// host. So its tests run in a cell: processes, devices and temporary files are the cell's
// own, and what is the host's cannot be written. The cgroups are not: they are needed.

const (
	cellRole = "cell"
	cellWork = "/tmp/work" // where the folder of a trial is in the cell
)

// cellNamespaces are those of a cell. Its first process is init there: when it ends,
// the kernel ends all others.
const cellNamespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// lost are capabilities that are about the whole machine, and that no exhibit needs.
var lost = []uintptr{unix.CAP_SYS_BOOT, unix.CAP_SYS_MODULE, unix.CAP_SYS_RAWIO, unix.CAP_SYS_TIME}

// enterCell makes a cell of our namespaces and runs a program there; it returns only on
// failure.
func enterCell(work string, words []string) error {
	// Capabilities belong to a thread, and execve keeps those of the one that calls it.
	runtime.LockOSThread()
	if err := furnish(work); err != nil {
		return fmt.Errorf("make a cell: %w", err)
	}
	for _, capability := range lost {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			return fmt.Errorf("give up capability %d: %w", capability, err)
		}
	}
	if err := os.Chdir("/tmp"); err != nil {
		return err
	}
	return fmt.Errorf("start %s: %w", words[0], syscall.Exec(words[0], words, os.Environ()))
}

func furnish(work string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, work, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	for _, step := range []func() error{closeHost, ownTemporary, ownProcesses, ownDevices} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := os.Mkdir(cellWork, 0o755); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, cellWork, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// closeHost makes all that is mounted read-only, but the cgroups.
func closeHost() error {
	readOnly := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, readOnly); err != nil {
		return fmt.Errorf("make the host read-only: %w", err)
	}
	groups, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := unix.MountSetattr(unix.AT_FDCWD, group.Mountpoint, 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return fmt.Errorf("open %s: %w", group.Mountpoint, err)
		}
	}
	return nil
}

func ownTemporary() error { return unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") }

// ownProcesses has /proc show the cell, and closes what of it is everybody's. A
// container's own /proc is open to its init; no guard may be taken out that has it
// write there.
func ownProcesses() error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	for _, path := range []string{"/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/fs", "/proc/sysrq-trigger"} {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		if err := unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	return nil
}

// ownDevices makes a /dev as every container has one, and nodes of its own.
func ownDevices() error {
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID, "mode=755"); err != nil {
		return err
	}
	defer unix.Umask(unix.Umask(0))
	for name, number := range map[string]uint64{
		"null": unix.Mkdev(1, 3), "zero": unix.Mkdev(1, 5), "full": unix.Mkdev(1, 7), "random": unix.Mkdev(1, 8), "urandom": unix.Mkdev(1, 9), "tty": unix.Mkdev(5, 0),
	} {
		if err := unix.Mknod("/dev/"+name, unix.S_IFCHR|0o666, int(number)); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	for _, mount := range [][3]string{{"pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5"}, {"shm", "tmpfs", "mode=1777"}, {"mqueue", "mqueue", ""}} {
		path := filepath.Join("/dev", mount[0])
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(mount[1], path, mount[1], unix.MS_NOSUID|unix.MS_NOEXEC, mount[2]); err != nil {
			return fmt.Errorf("mount %s: %w", path, err)
		}
	}
	return nil
}

// cellCommand has this program make a cell, and run another one in it.
func cellCommand(work string, env []string, words []string) *exec.Cmd {
	command := exec.Command("/proc/self/exe", append([]string{cellRole, work}, words...)...)
	command.Dir = "/"
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TMPDIR=") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, env...)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: cellNamespaces, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return command
}
