package runtime

import (
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// InitRole is the first argument of this program in its role as init.
const InitRole = "init"

// Options are what a specification does not say.
type Options struct {
	// Stdin asks for a pipe to the program's standard input; without it, that
	// is /dev/null.
	Stdin bool
	// Init asks for a first process that is none of the container's programs:
	// it starts the program, reaps orphans, passes signals on and ends as the
	// program does. Signal and Pid are then about that process.
	Init bool
	// Started, if there is one, is called when init exists, with its process
	// id, and before it is told anything. If it returns an error, the container
	// is not started.
	Started func(pid int) error
}

// Start starts a container and returns when its program runs. The error is a
// *StartError if the container's own set-up failed; in any case nothing of it
// is left. A specification that asks for something this package does not do is
// refused.
//
// The kernel kills the container when the calling thread ends (prctl(2),
// PR_SET_PDEATHSIG), so the caller locks its goroutine to its thread before the
// call and until Wait has returned.
func Start(spec *specs.Spec, options Options) (*Container, error) {
	if err := validate(spec); err != nil {
		return nil, err
	}
	role, orders := InitRole, []byte(nil)
	if options.Init {
		var err error
		if orders, err = ordersToReap(spec.Process); err != nil {
			return nil, err
		}
		role = ReaperRole
	}
	conn, inits, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	container := new(Container)
	err = container.spawn(role, &syscall.SysProcAttr{
		Cloneflags: cloneFlags(spec),
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true, // away from our terminal, and able to take one of its own
	}, spec.Process.Terminal, options.Stdin, inits)
	if err != nil {
		return nil, err
	}
	if options.Started != nil {
		if err := options.Started(container.Pid()); err != nil {
			container.abandon()
			return nil, err
		}
	}
	if err := container.await(conn, orders, request{Spec: *spec, Stdin: options.Stdin}); err != nil {
		return nil, err
	}
	return container, nil
}

var namespaceFlags = map[specs.LinuxNamespaceType]uintptr{
	specs.MountNamespace:   unix.CLONE_NEWNS,
	specs.PIDNamespace:     unix.CLONE_NEWPID,
	specs.UTSNamespace:     unix.CLONE_NEWUTS,
	specs.IPCNamespace:     unix.CLONE_NEWIPC,
	specs.NetworkNamespace: unix.CLONE_NEWNET,
	specs.CgroupNamespace:  unix.CLONE_NEWCGROUP,
}

func cloneFlags(spec *specs.Spec) uintptr {
	var flags uintptr
	for _, namespace := range spec.Linux.Namespaces {
		flags |= namespaceFlags[namespace.Type]
	}
	return flags
}
