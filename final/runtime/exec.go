package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/final/users"
)

// ExecOptions say which container a process joins, and how.
type ExecOptions struct {
	// Pid and Pidfd are the container's first process. That they are, the
	// caller has verified: after the pidfd was opened.
	Pid   int
	Pidfd *os.File
	// Cgroup is the container's CgroupsPath, or "" if it has none.
	Cgroup string
	// UIDMappings and GIDMappings are the container's users, if it has its own.
	UIDMappings, GIDMappings []specs.LinuxIDMapping
	// Seccomp is the filter of the program, which has none otherwise.
	Seccomp *specs.LinuxSeccomp
	// Stdin, Log and Started are as in Options.
	Stdin   bool
	Log     explain.Log
	Started func(pid int) error
}

// Exec runs a further program in a running container, and returns when it runs:
// in all namespaces of the container's first process, and with no more rights than
// process says. Its errors, and the thread that it belongs to, are as with Start.
func Exec(process *specs.Process, options ExecOptions) (*Container, error) {
	if err := validateProcess(process); err != nil {
		return nil, err
	}
	own, err := usersFor(options.UIDMappings, options.GIDMappings)
	if err != nil {
		return nil, err
	}
	orders, err := ordersToEnter(process, options.Seccomp != nil, own)
	if err != nil {
		return nil, err
	}
	filter, err := filterOf(options.Seccomp)
	if err != nil {
		return nil, err
	}
	if err := isContainer(options, own); err != nil {
		return nil, err
	}
	group, err := openGroup(options.Cgroup, options.Log)
	if err != nil {
		return nil, err
	}
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	pidfd, err := duplicate(options.Pidfd)
	if err != nil {
		theirs.Close()
		return nil, err
	}
	container := new(Container)
	err = container.enter(conn, orders, options, birth{
		role: EnterRole, terminal: process.Terminal, stdin: options.Stdin, files: []*os.File{theirs, pidfd}, group: group,
		attributes: syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}, own: own, user: process.User,
	})
	if err != nil {
		return nil, err
	}
	if own.Own() {
		if err := raiseLimits(container.Pid(), process.Rlimits); err != nil {
			container.abandon()
			return nil, err
		}
	}
	if err := container.prepare(process, options.Started, options.Log); err != nil {
		return nil, err
	}
	told := request{Spec: specs.Spec{Process: process, Root: &specs.Root{}}, Stdin: options.Stdin, Filter: filter}
	if err := container.await(conn, nil, told, options.Log); err != nil {
		return nil, err
	}
	return container, nil
}

// isContainer refuses processes whose mounts or process ids are our own: to enter
// there would be to run on the host. It also refuses a process that has ended,
// whose number might by now be another's, and one whose users are not those that we are
// told: root would be somebody else there than its caller thinks.
func isContainer(options ExecOptions, own users.Range) error {
	if options.Pid <= 1 || options.Pidfd == nil {
		return fmt.Errorf("enter the container of process %d: it has no such process", options.Pid)
	}
	for _, name := range []string{"mnt", "pid", "user"} {
		ours, err := os.Readlink("/proc/thread-self/ns/" + name)
		if err != nil {
			return fmt.Errorf("look at our own namespaces: %w", err)
		}
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", options.Pid, name))
		if err != nil {
			return fmt.Errorf("enter the container of process %d: %w", options.Pid, err)
		}
		if name == "user" && own.Own() != (ours != theirs) {
			return fmt.Errorf("enter the container of process %d: it has other users than its record says", options.Pid)
		}
		if name != "user" && ours == theirs {
			return fmt.Errorf("enter the container of process %d: it is in none", options.Pid)
		}
	}
	if err := hasRootOfItsOwn(options.Pid); err != nil {
		return err
	}
	// What we have just looked at was this process, if that still exists.
	pid, err := pidOf(options.Pidfd)
	if err != nil {
		return fmt.Errorf("enter the container of process %d: %w", options.Pid, err)
	}
	if pid != options.Pid {
		return fmt.Errorf("enter the container of process %d: it has ended, or it is not the one that is held", options.Pid)
	}
	return nil
}

// hasRootOfItsOwn refuses a process with our root: its container is still being made.
func hasRootOfItsOwn(pid int) error {
	ours, err := os.Stat("/")
	if err != nil {
		return fmt.Errorf("look at our own root: %w", err)
	}
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/root/", pid))
	if err != nil {
		return fmt.Errorf("enter the container of process %d: %w", pid, err)
	}
	if os.SameFile(ours, theirs) {
		return fmt.Errorf("enter the container of process %d: it has our own root", pid)
	}
	return nil
}

// pidOf returns the id of the process that a pidfd is, or -1 if that has gone
// (pidfd_open(2)).
func pidOf(pidfd *os.File) (int, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/thread-self/fdinfo/%d", pidfd.Fd()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if pid, ok := strings.CutPrefix(line, "Pid:"); ok {
			return strconv.Atoi(strings.TrimSpace(pid))
		}
	}
	return 0, errors.New("the handle is no pidfd")
}

// enter starts the process that joins the container, and returns when it has. The
// process that goes on is a child of the one that was started, and of ours.
func (c *Container) enter(conn *net.UnixConn, orders []byte, options ExecOptions, birth birth) error {
	if err := c.spawn(birth); err != nil {
		return err
	}
	command := []string{"nsenter", "--target", strconv.Itoa(options.Pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"}
	if birth.own.Own() {
		command = append(command, "--user")
	}
	options.Log.Run(explain.Exec, append(command, "sh")...)
	heard, err := c.hurry(conn)
	if err != nil {
		c.abandon()
		return err
	}
	pid, err := c.join(conn, orders)
	if err != nil {
		c.abandon()
		return err
	}
	_, waited := c.process.Wait() // it has nothing to do any more
	c.process, err = os.FindProcess(pid)
	if err = errors.Join(waited, err, heard()); err != nil {
		return fmt.Errorf("follow process %d into the container: %w", pid, err)
	}
	return nil
}

// hurry has a process that joins a container say so before it ends, or a moment later:
// the one that goes on inside holds its socket, too, and would not tell that it has died.
// When the process has ended, heard gives us all time again.
func (c *Container) hurry(conn *net.UnixConn) (heard func() error, err error) {
	handle, err := unix.PidfdOpen(c.Pid(), 0)
	if err != nil {
		return nil, fmt.Errorf("take hold of process %d: %w", c.Pid(), err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer unix.Close(handle)
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, -1)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second)) // it fails only if we have stopped listening
	}()
	return func() error {
		<-ended
		return conn.SetReadDeadline(time.Time{})
	}, nil
}

// join has the process join the container, and returns the id of the one that goes
// on inside.
func (c *Container) join(conn *net.UnixConn, orders []byte) (int, error) {
	if _, err := conn.Write(orders); err != nil {
		return 0, fmt.Errorf("tell a process of ours to join the container: %w", err)
	}
	kind, content, _, err := receiveReport(conn)
	switch {
	case err != nil:
		return 0, fmt.Errorf("join the container: %w", err)
	case kind == reportFailure:
		return 0, understandFailure(content)
	case kind == reportPid && len(content) == 4:
		return int(binary.NativeEndian.Uint32(content)), nil
	default:
		return 0, fmt.Errorf("join the container: an unknown report %q", kind)
	}
}

func duplicate(file *os.File) (*os.File, error) {
	descriptor, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate a handle: %w", err)
	}
	return os.NewFile(uintptr(descriptor), file.Name()), nil
}
