package main

// cpuset keeps the processes of a cgroup on some of the cpus.
type cpuset struct{}

func (cpuset) name() string { return "cpuset" }

func (cpuset) wanted(limits Limits) bool { return limits.CPUSet != "" }

// files sets the list of cpus, as the user has written it: both versions read that.
//
//learn:exercise
func (cpuset) files(_ int, limits Limits) []setting {
	return []setting{{file: "cpuset.cpus", value: limits.CPUSet}}
}
