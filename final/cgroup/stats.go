package cgroup

import (
	"errors"
	"fmt"
	"os"
)

// Amount is a number that is known only where the kernel counts: where Known is
// false, Value is 0 and means nothing.
type Amount struct {
	Value uint64
	Known bool
}

func known(value uint64) Amount { return Amount{Value: value, Known: true} }

// Stats is what a group uses and has used, as docker-stats(1) shows it.
type Stats struct {
	// CPU is the time that its processes, also those that have ended, have spent
	// on cpus, in nanoseconds.
	CPU Amount
	// SystemCPU is the time of all cpus of the machine, idle or not, since its
	// boot, in nanoseconds, and CPUs how many there are: between two Stats, a group
	// has used CPUs * (CPU more) / (SystemCPU more) of a cpu.
	SystemCPU Amount
	CPUs      int
	// Memory is the number of bytes in use, without those of files that nobody
	// has used lately, which the kernel forgets when it needs the room.
	Memory Amount
	// MemoryLimit is the least of the group's limit, of those above, as far as we
	// see them, and of what the machine has, in bytes.
	MemoryLimit Amount
	// Pids is the number of processes and threads. Where they are not limited,
	// PidsLimit is not known.
	Pids, PidsLimit Amount
	// BlockRead and BlockWrite are bytes that were read from and written to
	// disks, and not from and to the cache.
	BlockRead, BlockWrite Amount
}

// Stats measures the group. What no controller here counts is unknown, and no error.
func (g *Group) Stats() (Stats, error) {
	var stats Stats
	if err := stats.measureMachine(); err != nil {
		return Stats{}, fmt.Errorf("measure the machine: %w", err)
	}
	for _, part := range g.parts {
		if err := part.driver().measure(part, &stats); err != nil {
			return Stats{}, fmt.Errorf("measure the cgroup %s: %w", g.name, err)
		}
	}
	return stats, nil
}

// nanosecondsPerTick is what the kernel's ticks are for user space, on all machines
// that Go runs on (sysconf(3), _SC_CLK_TCK).
const nanosecondsPerTick = 1e9 / 100

func (s *Stats) measureMachine() error {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return err
	}
	ticks, cpus, err := parseSystem(string(content))
	if err != nil {
		return err
	}
	s.SystemCPU, s.CPUs = known(ticks*nanosecondsPerTick), cpus
	return nil
}

// OOMKills returns how many processes of the group the kernel has killed for want of
// memory. The error is errors.ErrUnsupported where nobody counts them.
func (g *Group) OOMKills() (uint64, error) {
	for _, part := range g.parts {
		counted, err := part.driver().limits(part, memory{})
		if err != nil {
			return 0, fmt.Errorf("count the kills for want of memory: %w", err)
		}
		if !counted {
			continue
		}
		kills, err := part.driver().oomKills(part.folder)
		if err != nil {
			return 0, fmt.Errorf("count the kills for want of memory: %w", err)
		}
		return kills, nil
	}
	return 0, fmt.Errorf("count the kills for want of memory: %w", errors.ErrUnsupported)
}
