package runtime

import (
	"fmt"
	"net"
	"os"
	goruntime "runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Init is the life of a container's first process up to execve. Like the other
// roles it returns only on failure: nil if the parent has been told, and otherwise
// the error.
func Init() error { return takeOn(os.Getpid() == 1, become) }

// Reaper is what the child of the reaper does: all that Init does.
func Reaper() error { return takeOn(roleTaken(), become) }

// Enter is the rest of the life of a process that has joined a container.
func Enter() error {
	return takeOn(roleTaken(), func(request *request, conn *net.UnixConn) error {
		if err := openStandardFiles(request, conn); err != nil {
			return err
		}
		return execute(request.Spec.Process, conn)
	})
}

// takeOn does what the parent requests, if this process is where it thinks.
func takeOn(role bool, do func(*request, *net.UnixConn) error) error {
	// Capabilities, credentials and PR_SET_NO_NEW_PRIVS belong to a thread,
	// and execve keeps those of the thread that calls it.
	goruntime.LockOSThread()
	if !role {
		return errParentGone
	}
	conn, err := asConn(os.NewFile(ourSocket, "our socket"))
	if err != nil {
		return errParentGone
	}
	request, err := receiveRequest(conn)
	if err != nil {
		return err
	}
	err = do(&request, conn)
	if sendFailure(conn, startError(err)) != nil {
		return err
	}
	return nil
}

// become sets the container up, in the one order that works, and runs its
// program.
func become(request *request, conn *net.UnixConn) error {
	spec := &request.Spec
	root, others, err := splitMounts(spec)
	if err != nil {
		return err
	}
	if err := mountRoot(root, spec.Root.Path); err != nil {
		return err
	}
	sources, err := openSources(others)
	if err != nil {
		return err
	}
	if err := pivot(spec.Root.Path); err != nil {
		return err
	}
	if err := mountAll(others, sources); err != nil {
		return err
	}
	if err := makeDevices(); err != nil {
		return err
	}
	if err := openStandardFiles(request, conn); err != nil {
		return err
	}
	if spec.Process.Terminal {
		if err := mountConsole(); err != nil {
			return err
		}
	}
	if err := setUpNetwork(spec); err != nil {
		return err
	}
	if err := setHostname(spec); err != nil {
		return err
	}
	if err := protectPaths(spec.Linux); err != nil {
		return err
	}
	return execute(spec.Process, conn)
}

// openStandardFiles replaces what init was born with and the program must not
// have.
func openStandardFiles(request *request, conn *net.UnixConn) error {
	switch {
	case request.Spec.Process.Terminal:
		return openConsole(request.Spec.Process, conn)
	case request.Stdin:
		return nil
	default:
		return openNull()
	}
}

func setHostname(spec *specs.Spec) error {
	if spec.Hostname == "" {
		return nil
	}
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("set the host name %q: %w", spec.Hostname, err)
	}
	return nil
}

// setUpNetwork sets the loopback of a new network namespace up.
func setUpNetwork(spec *specs.Spec) error {
	for _, namespace := range spec.Linux.Namespaces {
		if namespace.Type == specs.NetworkNamespace && namespace.Path == "" {
			return setLoopbackUp()
		}
	}
	return nil
}

// setLoopbackUp uses the oldest interface there is to a network interface's
// flags, netdevice(7): one call, where netlink needs a library.
func setLoopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("set the loopback up: %w", err)
	}
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("set the loopback up: %w", err)
	}
	loopback.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback); err != nil {
		return fmt.Errorf("set the loopback up: %w", err)
	}
	return nil
}
