package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// Detach runs a container in the background and prints its name when its program has
// begun. Somebody has to wait for the container's end, to know its exit status and to
// clean up, and it is not us: a monitor does, this program once more, in a session of
// its own, which no terminal ends (setsid(2)).
func Detach(options Options) error {
	if options.Interactive || options.Terminal {
		return errors.New("a container in the background reads nothing: leave -i and -t out")
	}
	request, sendRequest, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the pipe to the monitor: %w", err)
	}
	defer sendRequest.Close()
	receiveName, name, err := os.Pipe()
	if err != nil {
		return errors.Join(fmt.Errorf("make the pipe to the monitor: %w", err), request.Close())
	}
	defer receiveName.Close()
	monitor := NewMonitorProcess(request, name)
	err = monitor.Start()
	request.Close()
	name.Close() // the monitor's end; ours would keep the pipe open after its death
	if err != nil {
		return fmt.Errorf("start the monitor: %w", err)
	}
	if err := json.NewEncoder(sendRequest).Encode(options); err != nil {
		return errors.Join(fmt.Errorf("tell the monitor what to run: %w", err), sendRequest.Close(), monitor.Wait())
	}
	started, err := io.ReadAll(receiveName)
	if err != nil {
		return fmt.Errorf("wait for the container's start: %w", err)
	}
	if len(started) == 0 {
		return wait(monitor) // it has printed why
	}
	fmt.Fprintln(os.Stdout, string(started))
	return nil
}

// NewMonitorProcess returns the command that becomes a monitor. Until its container
// has started, it prints on our standard error.
func NewMonitorProcess(request, name *os.File) *exec.Cmd {
	monitor := exec.Command("/proc/self/exe", "monitor")
	if logrus.IsLevelEnabled(logrus.DebugLevel) {
		monitor.Args = []string{monitor.Path, "--debug", "monitor"}
	}
	monitor.Dir = "/" // ours may be unmounted one day
	monitor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	monitor.ExtraFiles = []*os.File{request, name}
	monitor.Stderr = os.Stderr
	return monitor
}

// RunMonitor is the life of a monitor: that of `run`, with a log in place of
// standard output and error.
func RunMonitor() error {
	request, name := os.NewFile(3, "pipe"), os.NewFile(4, "pipe")
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	var options Options
	if err := json.NewDecoder(request).Decode(&options); err != nil {
		return fmt.Errorf("monitor is started by run, which says what to run: %w", err)
	}
	request.Close()
	options.begun = func(container string) { letGo(name, container) }
	return Run(options)
}

// letGo tells whoever waits that the container has begun, and keeps nothing of theirs:
// a pipe that we hold open would keep its reader waiting.
func letGo(pipe *os.File, container string) {
	_, _ = io.WriteString(pipe, container) // perhaps nobody waits any more
	pipe.Close()
	_ = unix.Dup2(unix.Stdout, unix.Stderr) // /dev/null; both are open
}

func logPath(root, name string) string { return filepath.Join(root, "containers", name, "log") }

// openLog makes the log of a container. What the container writes goes to its end,
// whoever else writes there (open(2), O_APPEND).
func openLog(root, name string) (*os.File, error) {
	log, err := os.OpenFile(logPath(root, name), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the log: %w", err)
	}
	return log, nil
}
