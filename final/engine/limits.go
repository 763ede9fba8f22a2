package engine

import (
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// minMemory is the least memory, in bytes, in which a program can be started.
const minMemory = 6 << 20

// period is how long the kernel's clock for the CPU quota is, in microseconds: the
// kernel's default (sched-bwc).
const period = 100_000

func (l *Limits) check() error {
	switch {
	case l.Memory < 0 || l.Memory > 0 && l.Memory < minMemory:
		return fmt.Errorf("a memory limit of %d bytes is too small: give 6m or more", l.Memory)
	case l.MemorySwap > 0 && l.Memory == 0:
		return errors.New("a limit of memory and swap needs one of memory: give both (-m and --memory-swap)")
	case l.MemorySwap > 0 && l.MemorySwap < l.Memory:
		return errors.New("the limit of memory and swap together is less than that of memory")
	case l.MemorySwap < -1:
		return errors.New("invalid limit of memory and swap: bytes, or -1 for no limit")
	case l.MemoryReservation < 0 || l.Memory > 0 && l.MemoryReservation > l.Memory:
		return errors.New("the memory reservation must not be more than the memory limit")
	case l.CPUs < 0 || l.CPUs > 0 && l.CPUs < 0.01:
		return fmt.Errorf("%g CPUs are too few: give 0.01 or more", l.CPUs)
	case l.CPUs > float64(goruntime.NumCPU()):
		return fmt.Errorf("%g CPUs are more than the %d of this machine", l.CPUs, goruntime.NumCPU())
	case l.CPUShares == 1 || l.CPUShares > 262144:
		return fmt.Errorf("invalid weight %d for --cpu-shares: 2 to 262144", l.CPUShares)
	case l.Pids < -1:
		return fmt.Errorf("invalid limit of %d processes: 1 or more, or -1 for no limit", l.Pids)
	}
	return nil
}

// resources are the limits as the runtime specification has them. Memory without a
// limit of swap may use as much swap again, as with Docker.
func (l *Limits) resources() *specs.LinuxResources {
	resources := &specs.LinuxResources{Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{}}
	if l.Memory > 0 {
		swap := 2 * l.Memory
		if l.MemorySwap != 0 {
			swap = l.MemorySwap
		}
		resources.Memory.Limit, resources.Memory.Swap = &l.Memory, &swap
	}
	if l.MemoryReservation > 0 {
		resources.Memory.Reservation = &l.MemoryReservation
	}
	if l.CPUs > 0 {
		quota, length := int64(l.CPUs*period), uint64(period)
		resources.CPU.Quota, resources.CPU.Period = &quota, &length
	}
	if l.CPUShares > 0 {
		resources.CPU.Shares = &l.CPUShares
	}
	resources.CPU.Cpus = l.CPUSet
	if l.Pids != 0 {
		resources.Pids = &specs.LinuxPids{Limit: &l.Pids}
	}
	return resources
}
