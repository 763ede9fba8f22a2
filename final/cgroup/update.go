package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Update changes limits of a group that may have processes. What resources do not say
// stays as it is. If a limit cannot be set, those that have been set are put back. The
// devices of a group cannot be changed: its processes would have none for a moment.
//
// A limit of memory below what is in use is refused by version 1. Version 2 has
// processes killed for it, unless resources ask to check before.
func (g *Group) Update(resources *specs.LinuxResources) error {
	if err := validate(resources); err != nil {
		return err
	}
	if resources != nil && len(resources.Devices) > 0 {
		return errors.New("the devices of a cgroup cannot be changed")
	}
	type limited struct {
		part       *part
		controller controller
	}
	var all []limited
	for _, controller := range askedOf(resources) {
		part, err := g.limitedBy(controller)
		if err != nil {
			return err
		}
		all = append(all, limited{part, controller})
	}
	var undo []func() error
	for _, one := range all {
		err := g.set(one.part, one.controller, resources, func(before setting) {
			undo = append(undo, func() error { return g.steps.write(one.part.folder, before.file, before.value) })
		})
		if err == nil {
			continue
		}
		for _, putBack := range slices.Backward(undo) {
			err = errors.Join(err, putBack())
		}
		return err
	}
	return nil
}

// settingOf is what a file says now, as it can be written back.
func settingOf(file, content string) setting {
	value := strings.TrimSuffix(content, "\n")
	value = strings.TrimPrefix(value, "default ") // of io.weight
	return setting{file, value}
}

// limitedBy returns the part in which a controller can limit the group.
func (g *Group) limitedBy(controller controller) (*part, error) {
	for _, part := range g.parts {
		can, err := part.driver().limits(part, controller)
		if err != nil {
			return nil, fmt.Errorf("limit %s: %w", controller.name(part.version), err)
		}
		if can {
			return part, nil
		}
	}
	found, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	if h := found.with(controller.name(1)); h != nil {
		return nil, fmt.Errorf("limit %s: the cgroup %s is not in %s: start the container again", controller.name(1), g.name, h.mountpoint)
	}
	return nil, found.missing(controller.name(1))
}
