package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// cleaningTime is how long a monitor may take to clean up after its container.
const cleaningTime = 30 * time.Second

// Stop asks the program of a container to end, with SIGTERM, and after patience kills
// it. It returns when the container's monitor has cleaned up. That the container does
// not run is an error, and that it ends by itself meanwhile is none.
//
// The program is PID 1 of its namespace: the kernel drops SIGTERM, and any other
// signal that it has no handler for. From outside, SIGKILL and SIGSTOP are the
// exceptions (pid_namespaces(7)).
//
//learn:exercise
func Stop(root, name string, patience time.Duration) error {
	record, err := loadRecord(root, name)
	if err != nil {
		return err
	}
	process, err := record.open()
	if err != nil {
		return err
	}
	defer process.Close()
	if err := sendSignal(process, unix.SIGTERM); err != nil {
		return fmt.Errorf("stop the container %s: %w", name, err)
	}
	if !hasEnded(process, patience) {
		if err := sendSignal(process, unix.SIGKILL); err != nil {
			return fmt.Errorf("kill the container %s: %w", name, err)
		}
	}
	return record.waitForMonitor()
}

// sendSignal sends a signal to an open process. It is no error if that has ended.
func sendSignal(process *os.File, signal unix.Signal) error {
	err := unix.PidfdSendSignal(int(process.Fd()), signal, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// waitForMonitor waits until the container's monitor has done its work, or has died.
func (r *Record) waitForMonitor() error {
	monitor, err := r.Monitor.open()
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	defer monitor.Close()
	if !hasEnded(monitor, cleaningTime) {
		return fmt.Errorf("the container %s: process %d is still cleaning up after %v", r.Name, r.Monitor.PID, cleaningTime)
	}
	return nil
}
