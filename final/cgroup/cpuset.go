package cgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// cpuset keeps the processes of a group on some of the cpus and memory nodes.
type cpuset struct{}

func (cpuset) name(int) string { return "cpuset" }

func (cpuset) asked(resources *specs.LinuxResources) bool {
	return resources.CPU != nil && resources.CPU.Cpus+resources.CPU.Mems != ""
}

func (cpuset) settings(version int, group folder, resources *specs.LinuxResources) ([]setting, error) {
	var settings []setting
	for _, one := range []struct{ kind, list string }{{"cpus", resources.CPU.Cpus}, {"mems", resources.CPU.Mems}} {
		if one.list == "" {
			continue
		}
		if err := mayUse(version, group, one.kind, one.list); err != nil {
			return nil, err
		}
		settings = append(settings, setting{"cpuset." + one.kind, one.list})
	}
	return settings, nil
}

// mayUse makes sure that a group may use what is asked for. Version 2 takes any list,
// and where it holds nothing of what the group above has, as if none were given.
func mayUse(version int, group folder, kind, list string) error {
	asked, err := parseList(list)
	if err != nil {
		return err
	}
	file := map[int]string{1: "cpuset.effective_" + kind, 2: "cpuset." + kind + ".effective"}[version]
	text, err := group.above().read(file)
	if err != nil {
		return err
	}
	usable, err := parseList(text)
	if err != nil {
		return inFile(group.above(), file, err)
	}
	for _, number := range asked {
		if !slices.Contains(usable, number) {
			return fmt.Errorf("%s %s: there are %s", kind, list, strings.TrimSpace(text))
		}
	}
	return nil
}
