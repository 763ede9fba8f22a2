package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/sirupsen/logrus"
)

// Container is a container of ours, from its start to its end.
type Container struct {
	options  Options
	rootfs   *Rootfs
	cgroup   *Cgroup
	endpoint *Endpoint // nil if it is in no network
	record   *Record   // as soon as there is a process to record
	kept     bool      // its program has begun, in the background
}

// run starts init and waits for the container's end.
func (c *Container) run(signals signals) error {
	if err := c.connect(); err != nil {
		return err
	}
	if err := signals.unlessSent(); err != nil {
		return err
	}
	message, sendMessage, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the pipe to init: %w", err)
	}
	defer sendMessage.Close()
	failures, fail, err := os.Pipe()
	if err != nil {
		message.Close()
		return fmt.Errorf("make the pipe from init: %w", err)
	}
	defer failures.Close()
	parent := NewParentProcess(c.options, message, fail)
	err = c.start(parent)
	message.Close() // init's ends; ours would keep the pipes open after init's death
	fail.Close()
	if err != nil {
		return err
	}
	defer takeBackTerminal(parent)
	signals.forwardTo(parent.Process)
	return c.supervise(parent, sendMessage, failures)
}

// start starts init. In the background, the program's output is a log.
func (c *Container) start(parent *exec.Cmd) error {
	if c.options.Detached {
		log, err := openLog(c.options.Root, c.rootfs.name)
		if err != nil {
			return err
		}
		defer log.Close()
		parent.Stdout, parent.Stderr = log, log
	}
	if err := parent.Start(); err != nil {
		return fmt.Errorf("start init in new namespaces: %w", err)
	}
	logrus.Debugf("run: init is process %d, in new UTS, PID, mount, network and IPC namespaces", parent.Process.Pid)
	return nil
}

// supervise tells init what to run and waits for the end. Init is held back by its
// pipe, so all that has to be there before the program is.
func (c *Container) supervise(parent *exec.Cmd, pipe, failures *os.File) error {
	if err := c.prepare(parent.Process.Pid); err != nil {
		pipe.Close() // init reads its end, and ends
		_ = parent.Wait()
		return err
	}
	sent := sendMessage(pipe, Message{
		Hostname:    c.options.Hostname,
		Root:        c.rootfs.Path,
		Command:     c.options.Command,
		Environment: c.options.Environment,
		Endpoint:    c.endpoint,
		Debug:       logrus.IsLevelEnabled(logrus.DebugLevel) && !c.options.Detached, // it would be in the log
	})
	pipe.Close()
	logrus.Debugf("run: sent %q through the pipe", c.options.Command)
	failed := receiveFailure(failures)
	if failed == nil && sent == nil {
		c.begin()
	}
	ended := wait(parent)
	switch {
	case failed != nil:
		return failed
	case ended != nil:
		return ended
	default:
		return sent
	}
}

// prepare limits process pid, the container's first, writes down that there is a
// container, and joins it to its network. In this order: what is known can be removed.
func (c *Container) prepare(pid int) (err error) {
	if err := c.cgroup.Add(pid); err != nil {
		return err
	}
	logrus.Debugf("run: process %d is limited by %q", pid, c.cgroup.folders)
	if c.record, err = newRecord(c, pid); err != nil {
		return err
	}
	if err := c.record.save(c.options.Root); err != nil {
		return err
	}
	return c.attach(pid)
}

// begin is called when init has become the program.
func (c *Container) begin() {
	if c.options.Detached {
		c.kept = true
		c.options.begun(c.rootfs.name)
	}
}

// finish takes a container that has ended, or has never begun, out of its network, and
// removes it. One that has run in the background, or cannot leave its network, is only
// unmounted, and its end is written down: `rm` finds there what is left.
func (c *Container) finish(ended error) error {
	left := c.disconnect()
	if logrus.IsLevelEnabled(logrus.DebugLevel) {
		deleted, err := c.rootfs.Deleted()
		if err != nil {
			return errors.Join(left, err, c.rootfs.Remove())
		}
		logrus.Debugf("run: the container has deleted %q", deleted)
	}
	if !c.kept && (left == nil || c.record == nil) {
		return errors.Join(left, c.rootfs.Remove())
	}
	code := exitToolFailed
	if exit := (*ExitError)(nil); errors.As(ended, &exit) {
		code = exit.Code
	} else if ended == nil {
		code = 0
	}
	c.record.ExitCode = &code
	if left == nil {
		c.record.Endpoint = nil
	}
	return errors.Join(left, c.rootfs.Unmount(), c.record.save(c.options.Root))
}
