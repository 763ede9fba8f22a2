package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Logs prints what a container in the background has printed. With follow it goes on
// until the container has ended.
func Logs(root, name string, follow bool, to io.Writer) error {
	record, err := loadRecord(root, name)
	if err != nil {
		return err
	}
	log, err := os.Open(logPath(root, name))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the container %s has no log: it runs in the foreground", name)
	}
	if err != nil {
		return fmt.Errorf("open the log of the container %s: %w", name, err)
	}
	defer log.Close()
	if follow {
		err = followLog(log, record.Process, to)
	} else {
		_, err = io.Copy(to, log)
	}
	if err != nil {
		return fmt.Errorf("read the log of the container %s: %w", name, err)
	}
	return nil
}

// followLog copies what is in the log, and what is added to it as long as process
// runs. It waits for either to happen, in one call (poll(2)): inotify(7) tells of a
// change of the file, and a pidfd of the end. What was written before the end is copied,
// to the last byte; so is the log of a process that has ended before.
//
//learn:exercise
func followLog(log *os.File, process Process, to io.Writer) error {
	changes, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(changes)
	if _, err := unix.InotifyAddWatch(changes, log.Name(), unix.IN_MODIFY); err != nil {
		return err
	}
	running, err := process.open()
	if errors.Is(err, errEnded) {
		_, err = io.Copy(to, log)
		return err
	}
	if err != nil {
		return err
	}
	defer running.Close()
	waitFor := []unix.PollFd{{Fd: int32(running.Fd()), Events: unix.POLLIN}, {Fd: int32(changes), Events: unix.POLLIN}}
	for {
		// Whatever was written before the end is copied after it was seen.
		ended := waitFor[0].Revents != 0
		if _, err := io.Copy(to, log); err != nil || ended {
			return err
		}
		if _, err := unix.Poll(waitFor, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if waitFor[1].Revents != 0 {
			if _, err := unix.Read(changes, make([]byte, 4096)); err != nil {
				return err
			}
		}
	}
}
