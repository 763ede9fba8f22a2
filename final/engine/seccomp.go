package engine

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/seccomp"
)

// seccompOf is the filter of a container's system calls, or nil for none: a profile of
// the user's, or else the one that goes with the capabilities that root in it has.
func seccompOf(security *Security) (*specs.LinuxSeccomp, error) {
	if security.SeccompUnconfined || security.Privileged {
		return nil, nil
	}
	if security.SeccompProfile != "" {
		return parseProfile(security.SeccompProfile)
	}
	granted, err := grantedCapabilities(security)
	if err != nil {
		return nil, err
	}
	return seccomp.Default(granted), nil
}

// parseProfile reads a profile of the runtime specification's form, and refuses one
// that cannot be carried out.
func parseProfile(text string) (*specs.LinuxSeccomp, error) {
	profile := new(specs.LinuxSeccomp)
	if err := json.Unmarshal([]byte(text), profile); err != nil {
		return nil, fmt.Errorf("read the seccomp profile: %w", err)
	}
	if _, err := seccomp.Assemble(profile); err != nil {
		return nil, fmt.Errorf("read the seccomp profile: %w", err)
	}
	return profile, nil
}
