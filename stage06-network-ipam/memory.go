package main

import "strconv"

// memory limits how many bytes of memory the processes of a cgroup use in all. At
// the limit the kernel first writes back and forgets what it can, and then kills
// one of them.
type memory struct{}

func (memory) name() string { return "memory" }

func (memory) wanted(limits Limits) bool { return limits.Memory > 0 }

// files also limits swap: a process that is over its limit would otherwise not be
// killed, but make the whole machine slow. Version 1 limits the sum of memory and
// swap, so the limit of memory alone, which may not be above it, comes first;
// version 2 limits swap by itself. A kernel may do without either.
//
//learn:exercise
func (memory) files(version int, limits Limits) []setting {
	bytes := strconv.FormatInt(limits.Memory, 10)
	if version == 1 {
		return []setting{{file: "memory.limit_in_bytes", value: bytes}, {file: "memory.memsw.limit_in_bytes", value: bytes, optional: true}}
	}
	return []setting{{file: "memory.max", value: bytes}, {file: "memory.swap.max", value: "0", optional: true}}
}
