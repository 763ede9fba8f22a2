package runtime

import (
	"net"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/cgroup"
)

// Prepared is the first process of a container that nobody has described yet. It waits
// in namespaces of its own, holds nothing else, and ends with the thread that has
// started it.
type Prepared struct {
	container *Container
	conn      *net.UnixConn
	born      birth
}

// usualFlags are the namespaces that a container has unless it shares some.
const usualFlags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET

// Prepare starts the first process of a container with the usual namespaces for a
// Start that is to come soon, from the same thread. A program needs a while until it
// is at its beginning; its parent has enough to do meanwhile. Where a process can be
// born in its cgroup, nothing is prepared, and Prepared is nil: to move it there later
// makes the whole machine wait (cgroups(7), cgroup version 2).
func Prepare(options Options, terminal bool) (*Prepared, error) {
	if cgroup.Unified() {
		return nil, nil
	}
	conn, inits, err := socketPair()
	if err != nil {
		return nil, err
	}
	prepared := &Prepared{container: new(Container), conn: conn, born: birthOf(options, terminal, usualFlags)}
	prepared.born.files = []*os.File{inits}
	if err := prepared.container.spawn(prepared.born); err != nil {
		conn.Close()
		return nil, err
	}
	return prepared, nil
}

// birthOf is how a first process is born in namespaces of its own.
func birthOf(options Options, terminal bool, flags uintptr) birth {
	role := InitRole
	if options.Init {
		role = ReaperRole
	}
	return birth{
		role: role, terminal: terminal, stdin: options.Stdin,
		attributes: syscall.SysProcAttr{
			Cloneflags: flags,
			Pdeathsig:  syscall.SIGKILL,
			Setsid:     true, // away from our terminal, and able to take one of its own
		},
	}
}

// Close ends a process that was prepared and that no Start has taken. Prepared may be
// nil.
func (p *Prepared) Close() {
	if p == nil || p.container == nil {
		return
	}
	p.conn.Close()
	p.container.abandon()
	p.container = nil
}

// fits reports whether this is the process that a specification needs.
func (p *Prepared) fits(spec *specs.Spec, needed birth) bool {
	if p == nil || p.container == nil || p.born.attributes.Cloneflags != needed.attributes.Cloneflags {
		return false
	}
	for _, namespace := range spec.Linux.Namespaces {
		if namespace.Path != "" {
			return false
		}
	}
	return p.born.role == needed.role && p.born.terminal == needed.terminal && p.born.stdin == needed.stdin
}

// take hands the process over, in its cgroup.
func (p *Prepared) take(group *cgroup.Group) (*Container, *net.UnixConn, error) {
	if err := addTo(group, p.container.Pid(), false); err != nil {
		p.Close()
		return nil, nil, err
	}
	container := p.container
	p.container = nil
	return container, p.conn, nil
}
