package runtime

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/cgroup"
)

// withCgroups replaces the mount of type cgroup among mounts by those that show the
// hierarchies that group is in, and no other. That of version 2 is one file system. Those
// of version 1 are folders of a tmpfs.
//
// They are mounted in the container's cgroup namespace: what they show begins with its own
// group (cgroup_namespaces(7)).
func withCgroups(mounts []specs.Mount, group *cgroup.Group) ([]specs.Mount, error) {
	index := slices.IndexFunc(mounts, func(mount specs.Mount) bool { return mount.Type == "cgroup" })
	if index < 0 {
		return mounts, nil
	}
	if group == nil {
		return nil, errors.New("the specification has a mount of cgroups for a container that is in none")
	}
	return slices.Concat(mounts[:index], mountsOfCgroups(mounts[index], group.Hierarchies()), mounts[index+1:]), nil
}

func mountsOfCgroups(asked specs.Mount, hierarchies []string) []specs.Mount {
	first := slices.DeleteFunc(slices.Clone(hierarchies), func(controllers string) bool { return controllers == "" })
	if len(first) == 0 {
		asked.Type, asked.Source = "cgroup2", "cgroup2"
		return []specs.Mount{asked}
	}
	folder := specs.Mount{Destination: asked.Destination, Type: "tmpfs", Source: "tmpfs", Options: slices.Concat(asked.Options, []string{"mode=755", "size=64k"})}
	mounts := []specs.Mount{folder}
	for _, controllers := range first {
		mounts = append(mounts, specs.Mount{
			Destination: path.Join(asked.Destination, controllers), Type: "cgroup", Source: "cgroup",
			Options: slices.Concat(asked.Options, strings.Split(controllers, ",")),
		})
	}
	return mounts
}
