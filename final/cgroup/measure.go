package cgroup

import (
	"math"
	"os"
	"strings"
)

func (v1) measure(part *part, stats *Stats) error {
	for controller, measure := range map[string]func(folder, *Stats) error{
		"cpuacct": measureCPUv1, "memory": measureMemoryV1, "pids": measurePids,
	} {
		if part.has(controller) {
			if err := measure(part.folder, stats); err != nil {
				return err
			}
		}
	}
	if part.has("blkio") {
		return measureBlockIOv1(part, stats)
	}
	return nil
}

func measureCPUv1(group folder, stats *Stats) error {
	nanoseconds, err := group.number("cpuacct.usage")
	stats.CPU = known(nanoseconds)
	return err
}

func measureMemoryV1(group folder, stats *Stats) error {
	used, err := group.number("memory.usage_in_bytes")
	if err != nil {
		return err
	}
	details, err := group.values("memory.stat")
	if err != nil {
		return err
	}
	stats.Memory = known(without(used, details["total_inactive_file"]))
	limit, has := details["hierarchical_memory_limit"]
	if !has {
		limit = unlimited
	}
	return stats.limitMemory(limit)
}

// without subtracts, as far as there is anything left: the two numbers are not of the
// same instant.
func without(total, part uint64) uint64 { return total - min(part, total) }

// limitMemory sets the limit, which is never more than the machine has.
func (s *Stats) limitMemory(limit uint64) error {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err
	}
	total, err := parseMemTotal(string(content))
	s.MemoryLimit = known(min(limit, total))
	return err
}

// measurePids reads what is the same in both versions.
func measurePids(group folder, stats *Stats) error {
	count, err := group.number("pids.current")
	if err != nil {
		return err
	}
	limit, err := group.limit("pids.max")
	stats.Pids = known(count)
	if limit != unlimited {
		stats.PidsLimit = known(limit)
	}
	return err
}

// measureBlockIOv1 reads the counters of the layer that all I/O goes through, or those
// of the scheduler. From Linux 6.9 on the first counts only where I/O is throttled:
// if there is no disk in its file, neither for the group nor for the cgroup that we
// see at the top, then nobody counts.
func measureBlockIOv1(part *part, stats *Stats) error {
	for _, file := range []string{
		"blkio.throttle.io_service_bytes_recursive", "blkio.bfq.io_service_bytes_recursive", "blkio.io_service_bytes_recursive",
	} {
		if !part.folder.has(file) {
			continue
		}
		text, err := part.folder.read(file)
		if err != nil {
			return err
		}
		top, err := folder(part.mountpoint).read(file)
		if err != nil {
			return err
		}
		if strings.Contains(text+top, ":") {
			return stats.addBlockIO(part.folder, file, text, parseBlkio)
		}
	}
	return nil
}

func (s *Stats) addBlockIO(group folder, file, text string, parse func(string) (read, write uint64, err error)) error {
	read, write, err := parse(text)
	s.BlockRead, s.BlockWrite = known(read), known(write)
	return inFile(group, file, err)
}

// measure reads what the group has the files for: every cgroup counts cpu time, and
// the rest depends on the controllers that were passed on to it.
func (v2) measure(part *part, stats *Stats) error {
	for file, measure := range map[string]func(folder, *Stats) error{
		"cpu.stat": measureCPUv2, "memory.current": measureMemoryV2, "pids.current": measurePids, "io.stat": measureBlockIOv2,
	} {
		if part.folder.has(file) {
			if err := measure(part.folder, stats); err != nil {
				return err
			}
		}
	}
	return nil
}

func measureCPUv2(group folder, stats *Stats) error {
	details, err := group.values("cpu.stat")
	if microseconds, has := details["usage_usec"]; has && !stats.CPU.Known && microseconds <= math.MaxUint64/1000 {
		stats.CPU = known(microseconds * 1000)
	}
	return err
}

func measureMemoryV2(group folder, stats *Stats) error {
	used, err := group.number("memory.current")
	if err != nil {
		return err
	}
	details, err := group.values("memory.stat")
	if err != nil {
		return err
	}
	stats.Memory = known(without(used, details["inactive_file"]))
	least := uint64(unlimited)
	for ; group.has("memory.max"); group = group.above() { // the root has none
		limit, err := group.limit("memory.max")
		if err != nil {
			return err
		}
		least = min(least, limit)
	}
	return stats.limitMemory(least)
}

func measureBlockIOv2(group folder, stats *Stats) error {
	text, err := group.read("io.stat")
	if err != nil {
		return err
	}
	return stats.addBlockIO(group, "io.stat", text, parseIOStat)
}
