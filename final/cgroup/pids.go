package cgroup

import "github.com/opencontainers/runtime-spec/specs-go"

// pids limits how many processes and threads a group has at once. Beyond that,
// fork(2) fails with EAGAIN.
type pids struct{}

func (pids) name(int) string { return "pids" }

func (pids) asked(resources *specs.LinuxResources) bool {
	return resources.Pids != nil && given(resources.Pids.Limit)
}

func (pids) settings(_ int, _ folder, resources *specs.LinuxResources) ([]setting, error) {
	return []setting{{"pids.max", orMax(*resources.Pids.Limit)}}, nil
}
