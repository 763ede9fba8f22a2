package runtime

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/explain"
)

// enoughToStart is how many processes and threads may be in a cgroup while init, a Go
// program, is at work there.
const enoughToStart = 16

// createGroup makes the cgroup that a specification asks for, and returns nil if it
// asks for none. A limit of processes that init itself could not keep is set by
// tighten, when init has become the program.
func createGroup(linux *specs.Linux, log explain.Log) (group *cgroup.Group, tighten func() error, err error) {
	tighten = func() error { return nil }
	if linux.CgroupsPath == "" {
		return nil, tighten, nil
	}
	resources := specs.LinuxResources{}
	if linux.Resources != nil {
		resources = *linux.Resources
	}
	if pids := resources.Pids; pids != nil && pids.Limit != nil && *pids.Limit > 0 && *pids.Limit < enoughToStart {
		enough := int64(enoughToStart)
		resources.Pids = &specs.LinuxPids{Limit: &enough}
		tighten = func() error { return group.Update(&specs.LinuxResources{Pids: pids}) }
	}
	group, err = cgroup.Create(linux.CgroupsPath, &resources, log)
	return group, tighten, err
}

// openGroup opens the cgroup of a container that runs, if it has one.
func openGroup(name string, log explain.Log) (*cgroup.Group, error) {
	if name == "" {
		return nil, nil
	}
	group, err := cgroup.Open(name)
	if err != nil {
		return nil, fmt.Errorf("find the cgroup of the container: %w", err)
	}
	group.Explain(log)
	return group, nil
}

// bearInto has the process that attributes are for be born in group, where the
// kernel can do that. The file that this takes is closed by done.
func bearInto(group *cgroup.Group, attributes *syscall.SysProcAttr) (born bool, done func(), err error) {
	if group == nil {
		return false, func() {}, nil
	}
	folder, err := group.Directory()
	if errors.Is(err, errors.ErrUnsupported) {
		return false, func() {}, nil
	}
	if err != nil {
		return false, nil, err
	}
	attributes.UseCgroupFD, attributes.CgroupFD = true, int(folder.Fd())
	return true, func() { folder.Close() }, nil
}

// addTo moves a process into group, as far as it was not born there.
func addTo(group *cgroup.Group, pid int, born bool) error {
	switch {
	case group == nil:
		return nil
	case born:
		return group.AddRest(pid)
	default:
		return group.Add(pid)
	}
}
