package runtime

import (
	"errors"
	"net"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/explain"
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
	// Prepared is the first process, if there is one already that fits (prepare.go).
	// Start takes it or ends it.
	Prepared *Prepared
	// Log is told of the steps, those of init among them.
	Log explain.Log
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
func Start(spec *specs.Spec, options Options) (_ *Container, err error) {
	if err := validate(spec); err != nil {
		return nil, err
	}
	filter, err := filterOf(spec.Linux.Seccomp)
	if err != nil {
		return nil, err
	}
	group, tighten, err := createGroup(spec.Linux, options.Log)
	if err != nil {
		return nil, err
	}
	if group != nil {
		defer func() {
			if err != nil {
				err = withCleanUp(err, group.Remove())
			}
		}()
	}
	told := request{Spec: *spec, Stdin: options.Stdin, Filter: filter}
	if told.Spec.Mounts, err = withCgroups(spec.Mounts, group); err != nil {
		return nil, err
	}
	container, err := start(options, group, told)
	if err != nil {
		return nil, err
	}
	if err := tighten(); err != nil {
		container.abandon()
		return nil, err
	}
	return container, nil
}

// withCleanUp returns err, and what undoing it has failed at, if it has.
func withCleanUp(err, undo error) error {
	if undo == nil {
		return err
	}
	return errors.Join(err, undo)
}

func start(options Options, group *cgroup.Group, request request) (*Container, error) {
	spec, orders := &request.Spec, []byte(nil)
	if options.Init {
		var err error
		if orders, err = ordersToReap(spec); err != nil {
			return nil, err
		}
	}
	container, conn, err := firstProcess(spec, options, group)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := container.prepare(spec.Process, options.Started, options.Log); err != nil {
		return nil, err
	}
	if usersOf(spec).Own() {
		if request.given, err = container.equip(spec, options.Log); err != nil {
			return nil, err
		}
		defer closeGiven(request.given)
	}
	if err := container.await(conn, orders, request, options.Log); err != nil {
		return nil, err
	}
	return container, nil
}

// firstProcess returns the process that becomes the container, and our end of the
// socket to it: the one that was prepared, if that fits, or else one that it starts.
func firstProcess(spec *specs.Spec, options Options, group *cgroup.Group) (*Container, *net.UnixConn, error) {
	needed := birthOf(options, spec.Process.Terminal, cloneFlags(spec))
	if options.Prepared.fits(spec, needed) {
		logClone(spec, options.Log)
		return options.Prepared.take(group)
	}
	options.Prepared.Close()
	conn, inits, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	needed.files, needed.group = []*os.File{inits}, group
	own := usersOf(spec)
	give(own, &needed, spec.Process.User)
	container := new(Container)
	err = inNamespaces(spec.Linux.Namespaces, options.Log, func() error {
		logClone(spec, options.Log)
		return withReason(own, container.spawn(needed))
	})
	if err != nil {
		if container.process != nil {
			container.abandon() // it runs, but our thread has not come back
		}
		conn.Close()
		return nil, nil, err
	}
	return container, conn, nil
}

var namespaceFlags = map[specs.LinuxNamespaceType]uintptr{
	specs.MountNamespace:   unix.CLONE_NEWNS,
	specs.PIDNamespace:     unix.CLONE_NEWPID,
	specs.UTSNamespace:     unix.CLONE_NEWUTS,
	specs.IPCNamespace:     unix.CLONE_NEWIPC,
	specs.NetworkNamespace: unix.CLONE_NEWNET,
	specs.CgroupNamespace:  unix.CLONE_NEWCGROUP,
	specs.UserNamespace:    unix.CLONE_NEWUSER,
}

// cloneFlags are those of the namespaces that are born with the container. That of
// its cgroup is not: its root is where a process is that makes one, and that is to be
// in the container's cgroup (cgroup_namespaces(7)).
func cloneFlags(spec *specs.Spec) uintptr {
	var flags uintptr
	for _, namespace := range spec.Linux.Namespaces {
		if namespace.Path == "" && namespace.Type != specs.CgroupNamespace {
			flags |= namespaceFlags[namespace.Type]
		}
	}
	return flags
}

// makes reports whether the container has a new namespace of a type.
func makes(spec *specs.Spec, kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(spec.Linux.Namespaces, func(namespace specs.LinuxNamespace) bool {
		return namespace.Type == kind && namespace.Path == ""
	})
}
