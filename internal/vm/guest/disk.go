package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

const (
	diskFile = "/vm/disk"
	diskSize = 4 << 30 // what nobody writes takes no memory
)

// mountDisk mounts something like a disk where temporary files go: a file with a file
// system that format makes (mke2fs(8)). A tmpfs is no disk, and before Linux 6.6 does
// not keep all extended attributes. A kernel without loop devices, or without ext4,
// keeps its tmpfs: the tests that need more say so.
func mountDisk(format string) error {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if format == "" || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	if err != nil {
		return err
	}
	defer control.Close()
	if err := makeDisk(format); err != nil {
		return err
	}
	device, err := attachDisk(control)
	if err != nil {
		return fmt.Errorf("make a loop device of %s: %w", diskFile, err)
	}
	err = unix.Mount(device, "/tmp", "ext4", unix.MS_NOSUID|unix.MS_NODEV, "")
	if errors.Is(err, unix.ENODEV) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mount %s on /tmp: %w", device, err)
	}
	return os.Chmod("/tmp", 0o777|os.ModeSticky)
}

func makeDisk(format string) error {
	file, err := os.Create(diskFile)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(diskSize), file.Close()); err != nil {
		return err
	}
	// A journal is for machines that are switched off in the middle of something.
	if output, err := exec.Command(format, "-q", "-F", "-t", "ext4", "-O", "^has_journal", diskFile).CombinedOutput(); err != nil {
		return fmt.Errorf("make a file system: %w: %s", err, output)
	}
	return nil
}

// attachDisk makes a loop device of the disk's file (loop(4)).
func attachDisk(control *os.File) (device string, err error) {
	file, err := os.OpenFile(diskFile, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer file.Close() // the device keeps its own
	number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return "", err
	}
	device = fmt.Sprintf("/dev/loop%d", number)
	loop, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer loop.Close()
	return device, unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_SET_FD, int(file.Fd()))
}
