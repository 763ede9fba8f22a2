package cgroup

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// useful are the controllers of version 1 that a group is for: they limit, count or
// stop. In the others its processes stay where they were.
var useful = []string{"cpuset", "cpu", "cpuacct", "memory", "pids", "blkio", "devices", "freezer"}

// plan says in which hierarchies a group is to be, and who limits what there.
type plan struct {
	order  []*hierarchy
	asked  map[*hierarchy][]controller
	filter *hierarchy  // the one that decides on devices, or nil
	list   *deviceList // what it decides
}

func (p *plan) devices(hierarchy *hierarchy) bool { return p.filter == hierarchy }

// plan finds a hierarchy for everything that resources ask for. A controller that is
// nowhere is an error.
func (h *hierarchies) plan(resources *specs.LinuxResources) (*plan, error) {
	plan := &plan{asked: make(map[*hierarchy][]controller)}
	for _, hierarchy := range h.all {
		if hierarchy.version == 2 || slices.ContainsFunc(hierarchy.controllers, func(name string) bool { return slices.Contains(useful, name) }) {
			plan.order = append(plan.order, hierarchy)
		}
	}
	for _, controller := range askedOf(resources) {
		index := slices.IndexFunc(plan.order, func(h *hierarchy) bool { return h.has(controller.name(h.version)) })
		if index < 0 {
			return nil, h.missing(controller.name(1))
		}
		where := plan.order[index]
		plan.asked[where] = append(plan.asked[where], controller)
	}
	return plan, plan.placeDevices(h, resources)
}

// placeDevices finds who decides on devices: the controller of version 1, or, in any
// hierarchy of version 2, a program.
func (p *plan) placeDevices(h *hierarchies, resources *specs.LinuxResources) error {
	if resources == nil {
		return nil
	}
	var err error
	if p.list, err = newDeviceList(resources.Devices); err != nil || p.list.allow && len(p.list.exceptions) == 0 {
		return err
	}
	if p.filter = h.with("devices"); p.filter != nil {
		return nil
	}
	index := slices.IndexFunc(p.order, func(h *hierarchy) bool { return h.version == 2 })
	if index < 0 {
		return h.missing("devices")
	}
	p.filter = p.order[index]
	return nil
}

// join makes the group's folder in one hierarchy.
func (g *Group) join(hierarchy *hierarchy, asked []controller) error {
	var names []string
	for _, controller := range asked {
		names = append(names, controller.name(hierarchy.version))
	}
	made, err := hierarchy.driver().create(hierarchy, g.name, names, g.steps)
	if err != nil {
		return fmt.Errorf("make the cgroup %s in %s: %w", g.name, hierarchy.mountpoint, err)
	}
	g.parts = append(g.parts, &part{hierarchy: hierarchy, folder: made})
	return nil
}

// limit sets all limits of a new group.
func (g *Group) limit(plan *plan, resources *specs.LinuxResources) error {
	for _, part := range g.parts {
		for _, controller := range plan.asked[part.hierarchy] {
			if err := g.set(part, controller, resources, nil); err != nil {
				return err
			}
		}
		if plan.devices(part.hierarchy) {
			if err := part.driver().setDevices(part.folder, plan.list, g.steps); err != nil {
				return fmt.Errorf("limit devices: %w", err)
			}
		}
	}
	return nil
}

// set writes the limits of one controller. It calls changed before each of the files,
// with what that says now, if changed is not nil.
func (g *Group) set(part *part, controller controller, resources *specs.LinuxResources, changed func(setting)) error {
	settings, err := controller.settings(part.version, part.folder, resources)
	if err != nil {
		return fmt.Errorf("limit %s: %w", controller.name(part.version), err)
	}
	for _, setting := range settings {
		if changed != nil {
			before, err := part.folder.read(setting.file)
			if err != nil {
				return fmt.Errorf("limit %s: %w", controller.name(part.version), err)
			}
			changed(settingOf(setting.file, before))
		}
		if err := g.steps.write(part.folder, setting.file, setting.value); err != nil {
			return fmt.Errorf("limit %s to %s: %w", controller.name(part.version), setting.value, err)
		}
	}
	return nil
}
