package cgroup

// driver is what the two versions do each in their own way.
type driver interface {
	// create makes the folder of a group, ready to be limited by the controllers
	// that are asked for, and leaves nothing if it fails.
	create(hierarchy *hierarchy, name string, asked []string, steps *steps) (folder, error)
	// limits reports whether a controller can limit a group that exists.
	limits(part *part, controller controller) (bool, error)
	// setDevices has a new group keep to a list of devices.
	setDevices(group folder, list *deviceList, steps *steps) error
	// canFreeze reports whether a group can be frozen here.
	canFreeze(group folder) bool
	// setFrozen asks for a group to be frozen or thawed, which takes the kernel
	// a moment.
	setFrozen(group folder, frozen bool, steps *steps) error
	// frozen reports whether all of a group is frozen, and whether it is at least
	// asked to be.
	frozen(group folder) (frozen, asked bool, err error)
	// measure adds to stats what is counted here.
	measure(part *part, stats *Stats) error
	// oomKills returns how many processes were killed for want of memory, in a
	// group that has the memory controller.
	oomKills(group folder) (uint64, error)
}

func (h *hierarchy) driver() driver {
	if h.version == 1 {
		return v1{}
	}
	return v2{}
}
