package runtime

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/seccomp"
)

// filterOf assembles the filter of a profile, and returns nil for no profile.
func filterOf(profile *specs.LinuxSeccomp) (*seccomp.Filter, error) {
	if profile == nil {
		return nil, nil
	}
	return seccomp.Assemble(profile)
}

// capabilityToFilter is what it takes to set a filter without no_new_privs.
const capabilityToFilter = "CAP_SYS_ADMIN"

// needsCapability reports whether a process must keep that capability until it has
// set its filter.
func needsCapability(process *specs.Process, filtered bool) bool {
	return filtered && !process.NoNewPrivileges
}

// setFilter is the last step before execve: what came before it, the filter might
// not allow. A filter that does not allow to give the capability up is an error, and
// nothing runs.
func setFilter(process *specs.Process, filter *seccomp.Filter) error {
	if filter == nil {
		return nil
	}
	if err := filter.Install(); err != nil {
		return err
	}
	if !needsCapability(process, true) {
		return nil
	}
	return setCapabilities(process.Capabilities)
}
