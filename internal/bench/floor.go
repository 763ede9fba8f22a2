package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// The floor is the least that a program in Go can do to start another one in a
// container: it starts itself in new namespaces, with an overlay as its root, and
// becomes that. There is nothing in it that limits, protects or records.
const (
	floorRole  = "floor"
	floorInit  = "floor-init"
	floorEnter = "floor-enter"
)

// floor runs true in a container over the folder image/rootfs, with the write layer
// in the folders upper and work beside it.
func floor(image string) error {
	command := exec.Command("/proc/self/exe", floorInit, image)
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	command.Stderr = os.Stderr
	return command.Run()
}

// enterFloor runs true in all namespaces of a process, by way of a program in C: who has
// threads, as Go has, cannot join those of mounts.
func enterFloor(pid string) error {
	command := exec.Command("nsenter", "--target", pid, "--all", "true")
	command.Stderr = os.Stderr
	return command.Run()
}

func becomeFloor(image string) error {
	merged := filepath.Join(image, "merged")
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", filepath.Join(image, "rootfs"), filepath.Join(image, "upper"), filepath.Join(image, "work"))
	for _, step := range []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("overlay", merged, "overlay", 0, layers) },
		func() error { return unix.Chdir(merged) },
		func() error { return unix.PivotRoot(".", ".") },
		func() error { return unix.Unmount(".", unix.MNT_DETACH) },
		func() error { return unix.Mount("proc", "/proc", "proc", 0, "") },
		func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
