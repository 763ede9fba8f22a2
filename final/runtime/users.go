package runtime

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/users"
)

// lowestOwn is the lowest user of the host that a container may get for itself: those
// of the machine, and nobody, are below.
const lowestOwn = 1 << 16

// usersFor understands a mapping. There is one, from root on and to users that the
// host has nobody else for, or none.
func usersFor(uids, gids []specs.LinuxIDMapping) (users.Range, error) {
	if len(uids)+len(gids) == 0 {
		return users.Range{}, nil
	}
	if len(uids) != 1 || !slices.Equal(uids, gids) {
		return users.Range{}, errors.New("the specification maps users otherwise than groups, or not as one range")
	}
	mapping := uids[0]
	if mapping.ContainerID != 0 || mapping.Size == 0 || mapping.HostID < lowestOwn || mapping.Size > math.MaxUint32-mapping.HostID {
		return users.Range{}, fmt.Errorf("the specification maps the users %d to %d, %d of them: they must be from 0 on, and from %d on",
			mapping.ContainerID, mapping.HostID, mapping.Size, lowestOwn)
	}
	return users.Range{First: mapping.HostID, Count: mapping.Size}, nil
}

// usersOf are the users of a specification that is valid.
func usersOf(spec *specs.Spec) users.Range {
	if len(spec.Linux.UIDMappings) == 0 {
		return users.Range{}
	}
	return users.Range{First: spec.Linux.UIDMappings[0].HostID, Count: spec.Linux.UIDMappings[0].Size}
}

// validateUsers refuses users without a namespace for them, and one without users. All
// other namespaces must then be the container's own, too: root has no rights in one that
// belongs to other users, and the kernel mounts no /sys for it.
func validateUsers(spec *specs.Spec) error {
	own, err := usersFor(spec.Linux.UIDMappings, spec.Linux.GIDMappings)
	if err != nil {
		return err
	}
	if own.Own() != makes(spec, specs.UserNamespace) {
		return errors.New("the specification has a user namespace without users, or users without a namespace")
	}
	joins := func(namespace specs.LinuxNamespace) bool { return namespace.Path != "" }
	if own.Own() && (slices.ContainsFunc(spec.Linux.Namespaces, joins) || !makes(spec, specs.NetworkNamespace)) {
		return errors.New("the specification has users of the container's own in a network or a namespace of others")
	}
	for index, mount := range spec.Mounts {
		mapped, err := usersFor(mount.UIDMappings, mount.GIDMappings)
		if err != nil {
			return err
		}
		_, bind := isBind(mount)
		root := index == 0 && mount.Destination == "/"
		if mapped.Own() && (mapped != own || !bind && (!root || mount.Type != "overlay")) {
			return fmt.Errorf("the specification maps the users of the mount on %s, which is not supported", mount.Destination)
		}
		if root && own.Own() && !mapped.Own() {
			return errors.New("the specification leaves the root to the users of the host")
		}
	}
	if own.Own() && (len(spec.Mounts) == 0 || spec.Mounts[0].Destination != "/") {
		return errors.New("the specification leaves the root to the users of the host")
	}
	return nil
}

// give has a process be born as the root of these users. Its program will be user.
func give(own users.Range, birth *birth, user specs.User) {
	if !own.Own() {
		return
	}
	birth.own, birth.user = own, user
	attributes := &birth.attributes
	mapping := []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(own.First), Size: int(own.Count)}}
	attributes.UidMappings, attributes.GidMappings, attributes.GidMappingsEnableSetgroups = mapping, mapping, true
	// Who it was has no number there, and would lose its capabilities by execve.
	attributes.Credential = &syscall.Credential{Uid: 0, Gid: 0}
}

// withReason tells what the kernel means by a number when it refuses users.
func withReason(own users.Range, err error) error {
	if own.Own() && errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: there are as many user namespaces as user.max_user_namespaces allows", err)
	}
	return err
}

// raiseLimits raises the hard limits of a process as far as its program is to have
// them: for that, a capability in a user namespace is not enough (getrlimit(2)).
func raiseLimits(pid int, limits []specs.POSIXRlimit) error {
	for _, limit := range limits {
		var now unix.Rlimit
		err := unix.Prlimit(pid, resources[limit.Type], nil, &now)
		if err == nil && limit.Hard > now.Max {
			now.Max = limit.Hard
			err = unix.Prlimit(pid, resources[limit.Type], &now, nil)
		}
		if err != nil {
			return fmt.Errorf("raise the limit %s to %d: %w", limit.Type, limit.Hard, err)
		}
	}
	return nil
}
