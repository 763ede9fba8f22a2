package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// steps are the few things that are ever done to a cgroup. Each that has succeeded is
// told to the log.
type steps struct{ log explain.Log }

// write writes a value to a file of a cgroup, in one go. The kernel makes these
// files: one that is not there is never made.
func (s *steps) write(group folder, name, value string) error {
	file, err := os.OpenFile(group.path(name), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	// With the newline an empty value is one as well.
	_, err = file.WriteString(value + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	s.log.Write(explain.Cgroups, value, group.path(name))
	return nil
}

// move puts a process into a cgroup. One that has just been cloned may not be known
// to the scheduler yet, and be refused with EINVAL for an instant.
func (s *steps) move(group folder, pid int) error {
	var refused error
	_, err := until(500*time.Millisecond, func() (bool, error) {
		refused = s.write(group, "cgroup.procs", strconv.Itoa(pid))
		return !errors.Is(refused, unix.EINVAL), nil
	})
	return errors.Join(err, refused)
}

// mkdir makes a cgroup. One that is there already is no error, but made is false.
func (s *steps) mkdir(group folder) (made bool, err error) {
	err = os.Mkdir(string(group), 0o755)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.log.Run(explain.Cgroups, "mkdir", string(group))
	return true, nil
}

// rmdir removes a cgroup that is empty. One that is gone already is no error.
func (s *steps) rmdir(group folder) error {
	err := unix.Rmdir(string(group))
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "rmdir", Path: string(group), Err: err}
	}
	s.log.Run(explain.Cgroups, "rmdir", string(group))
	return nil
}

// kill ends a process by the file that stands for it, and not for another one that
// has got its number since.
func (s *steps) kill(pidfd, pid int) error {
	err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err == nil {
		s.log.Run(explain.Cgroups, "kill", "-KILL", strconv.Itoa(pid))
	}
	return err
}

// attach gives a cgroup of version 2 a program that decides on devices.
func (s *steps) attach(group folder, program []instruction) error {
	if err := attachProgram(group, program); err != nil {
		return err
	}
	s.log.Run(explain.Beyond, "bpftool", "cgroup", "attach", string(group), "cgroup_device", "name", programName, "multi")
	return nil
}

// until calls done until it is true or fails, and for no longer than limit, with
// pauses that grow from 1 to 50 milliseconds. It returns what done has last said.
func until(limit time.Duration, done func() (bool, error)) (bool, error) {
	deadline := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		ok, err := done()
		if ok || err != nil || time.Now().After(deadline) {
			return ok, err
		}
		<-time.After(pause)
	}
}

// words are the names of several controllers in one line.
func words(names []string, before string) string {
	return before + strings.Join(names, " "+before)
}
