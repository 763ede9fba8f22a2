package runtime

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// dropPrivileges makes this thread what process says: its user, its groups and
// its capabilities. The order is the kernel's: only who has CAP_SETPCAP can give
// up bounding capabilities, and only who has CAP_SETUID can become somebody
// else, so the permitted ones go last. That which is needed to set a filter goes with
// setFilter.
func dropPrivileges(process *specs.Process, filtered bool) error {
	if err := leaveSessionKeyring(); err != nil {
		return err
	}
	granted := process.Capabilities
	var more []string
	if needsCapability(process, filtered) {
		more = []string{capabilityToFilter}
	}
	if granted == nil {
		granted = &specs.LinuxCapabilities{}
	}
	if err := dropBounding(granted.Bounding); err != nil {
		return err
	}
	if err := setUser(process.User); err != nil {
		return err
	}
	if err := setCapabilities(granted, more...); err != nil {
		return err
	}
	if process.NoNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set no_new_privs: %w", err)
		}
	}
	return nil
}

// leaveSessionKeyring joins a new keyring, which nobody else can: it has no name.
// A kernel without keyrings (ENOSYS) has nothing to leave.
func leaveSessionKeyring() error {
	_, _, errno := unix.RawSyscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
	if errno != 0 && errno != unix.ENOSYS {
		return fmt.Errorf("leave the session keyring: %w", errno)
	}
	return nil
}

// dropBounding keeps only these in the bounding set, beyond which no program of
// the container can ever get (capabilities(7)). What has been dropped already, it
// does not drop again: that would take CAP_SETPCAP.
func dropBounding(names []string) error {
	keep, err := capabilities(names)
	if err != nil {
		return err
	}
	supported, err := capability.ListSupported()
	if err != nil {
		return fmt.Errorf("list the capabilities of this kernel: %w", err)
	}
	drop := slices.DeleteFunc(supported, func(c capability.Cap) bool {
		has, err := capability.GetBound(c)
		return slices.Contains(keep, c) || err == nil && !has
	})
	if err := capability.DropBound(drop...); err != nil {
		return fmt.Errorf("drop capabilities from the bounding set: %w", err)
	}
	return nil
}

// setCapabilities gives up all capabilities but those that are granted, and more.
func setCapabilities(granted *specs.LinuxCapabilities, more ...string) error {
	if granted == nil {
		granted = &specs.LinuxCapabilities{}
	}
	state, err := capability.NewPid2(0)
	if err != nil {
		return fmt.Errorf("read the capabilities: %w", err)
	}
	state.Clear(capability.CAPS | capability.AMBS)
	for kind, names := range map[capability.CapType][]string{
		capability.EFFECTIVE: slices.Concat(granted.Effective, more), capability.PERMITTED: slices.Concat(granted.Permitted, more),
		capability.INHERITABLE: granted.Inheritable, capability.AMBIENT: granted.Ambient,
	} {
		set, err := capabilities(names)
		if err != nil {
			return err
		}
		state.Set(kind, set...)
	}
	if err := state.Apply(capability.CAPS | capability.AMBS); err != nil {
		return fmt.Errorf("set the capabilities: %w", err)
	}
	return nil
}

// AllCapabilities returns the names of all capabilities that a container could be
// granted: those that we could have ourselves.
func AllCapabilities() ([]string, error) {
	supported, err := capability.ListSupported()
	if err != nil {
		return nil, fmt.Errorf("list the capabilities of this kernel: %w", err)
	}
	var names []string
	for _, one := range supported {
		bound, err := capability.GetBound(one)
		if err != nil {
			return nil, fmt.Errorf("look at our own capabilities: %w", err)
		}
		if bound {
			names = append(names, "CAP_"+strings.ToUpper(one.String()))
		}
	}
	return names, nil
}

func capabilities(names []string) ([]capability.Cap, error) {
	var set []capability.Cap
	known := capability.ListKnown()
	for _, name := range names {
		index := slices.IndexFunc(known, func(c capability.Cap) bool {
			return strings.EqualFold("CAP_"+c.String(), name)
		})
		if index < 0 {
			return nil, fmt.Errorf("unknown capability %q", name)
		}
		set = append(set, known[index])
	}
	return set, nil
}

// setUser has our thread become user; it alone lives on when it calls execve. What
// Go and C have for this signals every other thread to do the same, and waits for
// them (nptl(7)), so these are the kernel's own calls. PR_SET_KEEPCAPS carries the
// permitted capabilities over to setCapabilities; execve clears it.
func setUser(user specs.User) error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keep the capabilities: %w", err)
	}
	groups := user.AdditionalGids
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0); errno != 0 {
		return fmt.Errorf("set the groups %v: %w", groups, errno)
	}
	uid, gid := uintptr(user.UID), uintptr(user.GID)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return fmt.Errorf("become group %d: %w", user.GID, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return fmt.Errorf("become user %d: %w", user.UID, errno)
	}
	return nil
}
