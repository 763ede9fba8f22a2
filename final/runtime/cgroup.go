package runtime

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/explain"
)

// createGroup makes the cgroup that a specification asks for, and returns nil if it
// asks for none.
func createGroup(linux *specs.Linux, log explain.Log) (*cgroup.Group, error) {
	if linux.CgroupsPath == "" {
		return nil, nil
	}
	resources := linux.Resources
	if resources == nil {
		resources = &specs.LinuxResources{}
	}
	return cgroup.Create(linux.CgroupsPath, resources, log)
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
