// Package users is about the users that a container has for itself: root inside, and
// nobody on the host (user_namespaces(7)).
package users

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Range are users, and groups of the same numbers: 0 to Count-1 in a container are
// First to First+Count-1 on the host. Without any, a container has the host's, and Count
// is 0.
type Range struct {
	First uint32 `json:"first"`
	Count uint32 `json:"count"`
}

// Own reports whether there are any.
func (r Range) Own() bool { return r.Count > 0 }

// Nobody is what the kernel calls a user that has no number in a namespace
// (/proc/sys/kernel/overflowuid).
const Nobody = 65534

// Inside is what the container calls a user of the host.
func (r Range) Inside(id int) int {
	switch {
	case !r.Own():
		return id
	case id < int(r.First) || id >= int(r.First)+int(r.Count):
		return Nobody
	default:
		return id - int(r.First)
	}
}

// Outside is who a user of the container is on the host.
func (r Range) Outside(id int) (int, error) {
	if r.Own() && (id < 0 || id >= int(r.Count)) {
		return 0, fmt.Errorf("the container has no user or group %d: its last one is %d", id, r.Count-1)
	}
	return int(r.First) + id, nil
}

// Act has what this thread makes belong to the root of these users, and keeps all
// capabilities (setfsuid(2), capabilities(7)): where a mount maps users, there is no other
// root. It is not undone: the goroutine is locked to its thread, and ends with it.
func (r Range) Act() error {
	id := int(r.First)
	for _, set := range []func(int) (int, error){unix.SetfsgidRetGid, unix.SetfsuidRetUid} {
		_, _ = set(id) // it returns who was before, and never an error
		if now, _ := set(-1); now != id {
			return fmt.Errorf("act as user %d: the kernel refuses", id)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read the capabilities: %w", err)
	}
	for half := range sets {
		sets[half].Effective = sets[half].Permitted
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("keep the capabilities of user %d: %w", id, err)
	}
	return nil
}
