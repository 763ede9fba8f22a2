// Package runtime turns an OCI runtime specification into a process.
//
// Start clones this program once more as init, in new namespaces and in the cgroup
// of the container, and sends it the specification. Init assembles the root file
// system in its own mount namespace, pivots into it, makes devices, sets names,
// settings and limits, hides what is not for containers, gives up what the
// specification does not grant, goes under its seccomp filter, and becomes the
// container's program. The root file system of a specification is the mount whose
// destination is "/", or else a bind mount of Root.Path. On request there is a first
// process that is not the program but reaps for it (reaper.c).
//
// A container may have users of its own, so that its root is nobody on the host. Then the
// parent makes for init what that cannot make any more (given.go), of layers whose users
// the kernel maps (mapped.go).
//
// Exec starts a further program in a running container: in all of its namespaces
// and its cgroup, and with the same rules (enter.c). Namespaces of others that a
// specification names are joined, but never their mounts or process ids.
//
// It fails closed: the program runs only if every step before it has succeeded,
// and a process of ours whose parent has died runs nothing. Nothing is mounted
// outside the container's mount namespace, so there is nothing to unmount either.
// What of a specification is not carried out is refused (validate.go).
package runtime

import (
	"errors"
	"fmt"
)

// Exit statuses for a container that did not start, see docker-run(1).
const (
	StatusFailed        = 125 // the container could not be set up
	StatusNotExecutable = 126 // its program cannot be executed
	StatusNotFound      = 127 // its program does not exist
)

// Roles are those that this program has where the runtime starts it once more, by
// its one argument. They return only if the program of the container could not be
// executed: nil if the parent has been told why, and otherwise the error.
var Roles = map[string]func() error{InitRole: Init, ReaperRole: Reaper, EnterRole: Enter}

// StartError is why a container did not start.
type StartError struct {
	Status  int // one of the statuses above
	Message string
}

func (e *StartError) Error() string { return e.Message }

// errParentGone is what init finds instead of its request when its parent has
// died.
var errParentGone = errors.New("init is started by tinydocker itself, and not by hand")

// startError makes err a *StartError, unless it is one.
func startError(err error) *StartError {
	var start *StartError
	if errors.As(err, &start) {
		return start
	}
	return &StartError{Status: StatusFailed, Message: err.Error()}
}

func failed(status int, format string, args ...any) error {
	return &StartError{Status: status, Message: fmt.Sprintf(format, args...)}
}
