package runtime

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/explain"
	"mytinydocker/final/users"
)

// Container is a program that has been started in a container: its first one by
// Start, a further one by Exec.
type Container struct {
	// Console is the master of the program's terminal, or nil if it has none.
	Console *os.File
	// Stdin, Stdout and Stderr are our ends of the pipes that a program
	// without a terminal has. Stdin is nil unless it was asked for.
	Stdin          io.WriteCloser
	Stdout, Stderr io.ReadCloser

	process *os.Process
}

// Pid returns the process id of the program.
func (c *Container) Pid() int { return c.process.Pid }

// Signal sends a signal to the program.
func (c *Container) Signal(signal os.Signal) error { return c.process.Signal(signal) }

// Wait waits for the program's end and returns its exit status, which is 128+n
// if signal n ended it. It closes our ends of the pipes, so Stdout and Stderr must
// have been read to their ends before.
func (c *Container) Wait() (int, error) {
	state, err := c.process.Wait()
	c.closePipes()
	if err != nil {
		return 0, fmt.Errorf("wait for the program: %w", err)
	}
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}

// abandon ends a program that did not start.
func (c *Container) abandon() {
	if c.Console != nil {
		c.Console.Close()
	}
	// It may have ended by itself; either way it is gone after this.
	_ = c.process.Kill()
	_, _ = c.Wait()
}

func (c *Container) closePipes() {
	for _, pipe := range []io.Closer{c.Stdin, c.Stdout, c.Stderr} {
		if pipe != nil {
			pipe.Close()
		}
	}
}

// birth is how a process of ours comes into being.
type birth struct {
	role            string
	attributes      syscall.SysProcAttr
	terminal, stdin bool          // which standard files its program will have
	files           []*os.File    // its descriptors from 3 on; they are closed
	group           *cgroup.Group // where it is born, or nil
	own             users.Range   // of its container
	user            specs.User    // who its program is, of these
}

// spawn starts this program once more in one of its hidden roles, in its cgroup and
// with the pipes that the program will have.
//
// Nothing of our environment goes along: what the container is to have travels in
// the request, and reaches only the program. One processor is enough to set a
// container up, and then Go does not look for limits in the container's files.
func (c *Container) spawn(birth birth) error {
	defer closeAll(birth.files)
	standard, err := c.standardFiles(&birth)
	defer closeAll(standard)
	if err != nil {
		return fmt.Errorf("make the program's pipes: %w", err)
	}
	self, err := openSelf()
	if err != nil {
		return err
	}
	defer self.Close()
	born, done, err := bearInto(birth.group, &birth.attributes)
	if err != nil {
		return err
	}
	defer done()
	// Files that our caller left open would be open in the new process as well,
	// and in the instant before it closes them, reachable through /proc/PID/fd.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("mark our open files close-on-exec: %w", err)
	}
	environment, files := watched([]string{"GOMAXPROCS=1", "GOGC=off"}, append(standard, birth.files...))
	c.process, err = os.StartProcess(pathOfFile(self), []string{"tinydocker", birth.role}, &os.ProcAttr{
		Env: environment, Files: files, Sys: &birth.attributes,
	})
	if err != nil {
		c.closePipes()
		return fmt.Errorf("start ourselves as %s: %w", birth.role, err)
	}
	if err := addTo(birth.group, c.Pid(), born); err != nil {
		c.abandon()
		c.process = nil
		return err
	}
	return nil
}

// standardFiles returns the new process's standard files: pipes, or /dev/null in
// the place of those that it is not to have yet or at all.
func (c *Container) standardFiles(birth *birth) (files []*os.File, err error) {
	for descriptor := range 3 {
		var theirs *os.File
		if birth.terminal || descriptor == 0 && !birth.stdin {
			theirs, err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
		} else {
			theirs, err = c.pipe(descriptor)
			if err == nil && birth.own.Own() { // or else it cannot open /dev/stdout
				err = handOver(theirs, birth.own, birth.user)
			}
		}
		if theirs != nil {
			files = append(files, theirs)
		}
		if err != nil {
			c.closePipes()
			return files, err
		}
	}
	return files, nil
}

// pipe makes the pipe of a standard file and returns the end of the process.
func (c *Container) pipe(descriptor int) (*os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	switch descriptor {
	case 0:
		c.Stdin = writer
		return reader, nil
	case 1:
		c.Stdout = reader
	default:
		c.Stderr = reader
	}
	return writer, nil
}

// handOver has a pipe belong to who a user of the container is on the host.
func handOver(pipe *os.File, own users.Range, user specs.User) error {
	uid, err := own.Outside(int(user.UID))
	if err != nil {
		return err
	}
	gid, err := own.Outside(int(user.GID))
	if err != nil {
		return err
	}
	return pipe.Chown(uid, gid)
}

func closeAll(files []*os.File) {
	for _, file := range files {
		file.Close()
	}
}

// prepare does what is done about a process before it is told anything.
func (c *Container) prepare(process *specs.Process, started func(pid int) error, log explain.Log) error {
	err := setOOMScore(c.Pid(), process, log)
	if err == nil && started != nil {
		err = started(c.Pid())
	}
	if err == nil {
		return nil
	}
	if c.hasEnded() {
		err = errEnded // and the rest comes of that
	}
	c.abandon()
	return err
}

// hasEnded reports whether init ends, or has: its first thread has given its root back
// before its namespaces, and long before others have ended and it can be waited for.
func (c *Container) hasEnded() bool {
	_, err := os.Readlink(fmt.Sprintf("/proc/%d/root", c.Pid()))
	return errors.Is(err, fs.ErrNotExist)
}

// await sends orders, if there are any, and the request to a process that waits for
// them, and returns when its program runs. On an error the process is gone.
func (c *Container) await(conn *net.UnixConn, orders []byte, request request, log explain.Log) error {
	request.Explain = log != nil
	_, sent := conn.Write(orders)
	if sent == nil {
		sent = sendRequest(conn, request)
	}
	console, err := receiveReports(conn, log)
	c.Console = console
	if errors.Is(sent, unix.EPIPE) {
		sent = errEnded
	}
	if err == nil {
		err = sent // init itself knows better why it does not listen
	}
	if err == nil && console == nil && request.Spec.Process.Terminal {
		err = errEnded // before it has made one
	}
	if err != nil {
		c.abandon()
	}
	return err
}
