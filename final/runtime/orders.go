package runtime

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/users"
)

// The roles whose beginning is C: what they do, they must do before the Go runtime
// has started a second thread. Each ends, with role_taken set, as a process that
// goes on with Enter or Reaper.
const (
	// EnterRole is the first argument of this program in the role of a process
	// that joins a running container (enter.c).
	EnterRole = "enter"
	// ReaperRole is that of a first process whose child becomes the program
	// (reaper.c).
	ReaperRole = "reaper"
)

var errNoRoles = errors.New("this tinydocker was built without cgo, and cannot do that")

// ordersToEnter are the struct orders of roles.h for a process that joins a
// container: it keeps the capabilities that its program may have, and those it
// takes to become the program's user and to set its limits and its filter.
func ordersToEnter(process *specs.Process, filtered bool, own users.Range) ([]byte, error) {
	kept := uint64(1<<capability.CAP_SETUID | 1<<capability.CAP_SETGID)
	if len(process.Rlimits) > 0 {
		kept |= 1 << capability.CAP_SYS_RESOURCE // to raise a hard limit
	}
	if needsCapability(process, filtered) {
		kept |= 1 << capability.CAP_SYS_ADMIN
	}
	if process.Terminal {
		kept |= 1 << capability.CAP_CHOWN // the terminal is made by root, for that user
	}
	joined := uint32(0)
	if own.Own() {
		joined = unix.CLONE_NEWUSER
	}
	return ordersFor(process, kept, 0, joined)
}

// ordersToReap are those for a reaper, which keeps what its program may have.
// It makes the cgroup namespace, as init does otherwise.
func ordersToReap(spec *specs.Spec) ([]byte, error) {
	flags := uint32(0)
	if makes(spec, specs.CgroupNamespace) {
		flags = unix.CLONE_NEWCGROUP
	}
	return ordersFor(spec.Process, 0, flags, 0)
}

func ordersFor(process *specs.Process, kept uint64, made, joined uint32) ([]byte, error) {
	if !hasRoles {
		return nil, errNoRoles
	}
	granted := process.Capabilities
	if granted == nil {
		granted = &specs.LinuxCapabilities{}
	}
	bounding, err := maskOf(granted.Bounding)
	if err != nil {
		return nil, err
	}
	permitted, err := maskOf(slices.Concat(granted.Permitted, granted.Inheritable))
	if err != nil {
		return nil, err
	}
	orders := binary.NativeEndian.AppendUint64(nil, bounding)
	orders = binary.NativeEndian.AppendUint64(orders, kept|permitted)
	orders = binary.NativeEndian.AppendUint32(orders, process.User.UID)
	orders = binary.NativeEndian.AppendUint32(orders, process.User.GID)
	orders = binary.NativeEndian.AppendUint32(orders, made)
	return binary.NativeEndian.AppendUint32(orders, joined), nil
}

func maskOf(names []string) (mask uint64, err error) {
	set, err := capabilities(names)
	for _, capability := range set {
		mask |= 1 << capability
	}
	return mask, err
}
