package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
)

// capabilities are what root in a container may do. They are those that podman
// grants: Docker's without MKNOD, NET_RAW and AUDIT_WRITE, for devices, forged
// packets and a forged audit log.
var capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// DefaultCapabilities are what root in a container may do that asks for nothing else.
func DefaultCapabilities() []string { return slices.Clone(capabilities) }

// grantedCapabilities are what root in a container may do that asks for more, or less.
// What is taken away wins over what is granted, unless all is taken away: then it is
// all but what is granted.
func grantedCapabilities(security *Security) ([]string, error) {
	added, all, err := capabilityNames(security.CapAdd)
	if err != nil {
		return nil, err
	}
	dropped, none, err := capabilityNames(security.CapDrop)
	if err != nil {
		return nil, err
	}
	granted := slices.Clone(capabilities)
	switch {
	case security.Privileged, all:
		if granted, err = supportedCapabilities(); err != nil {
			return nil, err
		}
	case none:
		granted = nil
	}
	granted = append(granted, added...)
	if !security.Privileged {
		granted = slices.DeleteFunc(granted, func(name string) bool { return slices.Contains(dropped, name) })
	}
	slices.Sort(granted)
	return slices.Compact(granted), nil
}

// capabilityNames understands the names of capabilities, with CAP_ or without, and ALL.
func capabilityNames(names []string) (found []string, all bool, err error) {
	for _, name := range names {
		name = strings.ToUpper(name)
		if name == "ALL" {
			all = true
			continue
		}
		short := strings.TrimPrefix(name, "CAP_")
		known := func(c capability.Cap) bool { return strings.EqualFold(c.String(), short) }
		if !slices.ContainsFunc(capability.ListKnown(), known) {
			return nil, false, fmt.Errorf("unknown capability %q: as in NET_ADMIN, see capabilities(7)", name)
		}
		found = append(found, "CAP_"+short)
	}
	return found, all, nil
}

// supportedCapabilities are all that this kernel knows and we have to give: nobody can
// grant what it does not have itself.
func supportedCapabilities() ([]string, error) {
	ours, err := capability.NewPid2(0)
	if err == nil {
		err = ours.Load()
	}
	if err != nil {
		return nil, fmt.Errorf("read our own capabilities: %w", err)
	}
	var names []string
	for _, known := range capability.ListKnown() {
		if ours.Get(capability.BOUNDING, known) && ours.Get(capability.PERMITTED, known) {
			names = append(names, "CAP_"+strings.ToUpper(known.String()))
		}
	}
	return names, nil
}
