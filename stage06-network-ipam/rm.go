package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Remove removes a container with all that it has written, and with what its monitor
// may have left behind: the mounts, cgroups and endpoint of one that was killed. With force, a
// container that runs is killed, and one whose record is damaged is removed, too.
func Remove(root, name string, force bool) error {
	record, err := loadRecord(root, name)
	if errors.Is(err, errDamaged) && force {
		return containerRootfs(root, name).Remove()
	}
	if err != nil {
		return err
	}
	if err := record.end(force); err != nil {
		return err
	}
	if err := record.waitForMonitor(); err != nil {
		return err
	}
	if record.Endpoint != nil {
		if err := record.Endpoint.Disconnect(root); err != nil {
			return err
		}
	}
	if err := (&Cgroup{folders: record.Cgroups}).Remove(); err != nil {
		return err
	}
	rootfs := containerRootfs(root, name)
	if _, err := os.Stat(rootfs.folder); errors.Is(err, os.ErrNotExist) {
		return nil // the monitor of a container in the foreground removes it
	}
	return rootfs.Remove()
}

// end kills the container if it runs, which must be meant.
func (r *Record) end(force bool) error {
	process, err := r.Process.open()
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	defer process.Close()
	if !force {
		return fmt.Errorf("the container %s is running: stop it first, or use rm -f", r.Name)
	}
	if err := sendSignal(process, unix.SIGKILL); err != nil {
		return fmt.Errorf("kill the container %s: %w", r.Name, err)
	}
	if !hasEnded(process, cleaningTime) {
		return fmt.Errorf("kill the container %s: process %d is still there after %v", r.Name, r.Process.PID, cleaningTime)
	}
	return nil
}
