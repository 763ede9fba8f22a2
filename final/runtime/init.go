package runtime

import (
	"errors"
	"fmt"
	"net"
	"os"
	goruntime "runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// Init is the life of a container's first process up to execve. Like the other
// roles it returns only on failure: nil if the parent has been told, and otherwise
// the error.
func Init() error { return takeOn(os.Getpid() == 1, become) }

// Reaper is what the child of the reaper does: all that Init does.
func Reaper() error { return takeOn(roleTaken(), become) }

// Enter is the rest of the life of a process that has joined a container.
func Enter() error {
	return takeOn(roleTaken(), func(request *request, conn *net.UnixConn, log explain.Log) error {
		if err := openStandardFiles(request, conn); err != nil {
			return err
		}
		return execute(request, conn, log)
	})
}

// takeOn does what the parent requests, if this process is where it thinks.
func takeOn(role bool, do func(*request, *net.UnixConn, explain.Log) error) error {
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
	if errors.Is(err, errParentGone) {
		return err
	}
	if err == nil {
		err = do(&request, conn, reporter(conn, request.Explain))
	}
	if sendFailure(conn, startError(err)) != nil {
		return err
	}
	return nil
}

// become sets the container up, in the one order that works, and runs its
// program.
func become(request *request, conn *net.UnixConn, log explain.Log) error {
	spec := &request.Spec
	if err := makeCgroupNamespace(spec); err != nil {
		return err
	}
	if err := makeFilesystem(request, log); err != nil {
		return err
	}
	if err := makeWorkingFolder(spec.Process.Cwd); err != nil {
		return err
	}
	if err := openStandardFiles(request, conn); err != nil {
		return err
	}
	if spec.Process.Terminal {
		if err := mountConsole(log); err != nil {
			return err
		}
	}
	if err := setUpNetwork(spec, log); err != nil {
		return err
	}
	if err := setNames(spec, log); err != nil {
		return err
	}
	if err := setSettings(spec.Linux.Sysctl, log); err != nil {
		return err
	}
	if err := protectPaths(spec, log); err != nil {
		return err
	}
	return execute(request, conn, log)
}

// makeCgroupNamespace makes the cgroup that we are in the root of what the container
// sees. The reaper has done so before us.
func makeCgroupNamespace(spec *specs.Spec) error {
	if os.Getpid() != 1 || !makes(spec, specs.CgroupNamespace) {
		return nil
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("make the cgroup namespace: %w", err)
	}
	return nil
}

// makeFilesystem makes the root, moves into it, and mounts what belongs there.
func makeFilesystem(request *request, log explain.Log) error {
	spec := &request.Spec
	root, others, err := splitMounts(spec)
	if err != nil {
		return err
	}
	path, sources := spec.Root.Path, []int(nil)
	if usersOf(spec).Own() {
		path, sources, err = attachGiven(request.given, others, path, log)
	} else if err = mountRoot(root, path, log); err == nil {
		sources, err = openSources(others, path, log)
	}
	if err != nil {
		return err
	}
	if err := pivot(path, spec.Root.Path, log); err != nil {
		return err
	}
	if err := mountAll(others, sources, log); err != nil {
		return err
	}
	if usersOf(spec).Own() {
		return makeDeviceLinks(log)
	}
	return makeDevices(spec.Linux.Devices, log)
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

// setNames sets the names of the machine that the container believes to be.
func setNames(spec *specs.Spec, log explain.Log) error {
	if spec.Hostname != "" {
		log.Run(explain.Namespaces, "hostname", spec.Hostname)
		if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
			return fmt.Errorf("set the host name %q: %w", spec.Hostname, err)
		}
	}
	if spec.Domainname != "" {
		log.Run(explain.Namespaces, "domainname", spec.Domainname)
		if err := unix.Setdomainname([]byte(spec.Domainname)); err != nil {
			return fmt.Errorf("set the domain name %q: %w", spec.Domainname, err)
		}
	}
	return nil
}

// setUpNetwork sets the loopback of a new network namespace up.
func setUpNetwork(spec *specs.Spec, log explain.Log) error {
	if !makes(spec, specs.NetworkNamespace) {
		return nil
	}
	log.Run(explain.Network, "ip", "link", "set", "lo", "up")
	return setLoopbackUp()
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
