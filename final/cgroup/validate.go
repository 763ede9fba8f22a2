package cgroup

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// validate refuses resources that cannot be, and those that this package does not
// know: to leave out a limit that was asked for would be to fail open.
func validate(resources *specs.LinuxResources) error {
	if resources == nil {
		return nil
	}
	for part, asked := range map[string]bool{
		"huge pages":         len(resources.HugepageLimits) > 0,
		"network traffic":    resources.Network != nil,
		"RDMA":               len(resources.Rdma) > 0,
		"files of version 2": len(resources.Unified) > 0,
	} {
		if asked {
			return fmt.Errorf("limits of %s are not supported", part)
		}
	}
	if _, err := newDeviceList(resources.Devices); err != nil {
		return err
	}
	if err := validateMemory(resources.Memory); err != nil {
		return err
	}
	if err := validateCPU(resources.CPU); err != nil {
		return err
	}
	if resources.Pids != nil && value(resources.Pids.Limit) < -1 {
		return fmt.Errorf("%d pids: give a number, or -1 for no limit", *resources.Pids.Limit)
	}
	return validateBlockIO(resources.BlockIO)
}

func validateMemory(memory *specs.LinuxMemory) error {
	if memory == nil {
		return nil
	}
	limit, swap, reservation := value(memory.Limit), value(memory.Swap), value(memory.Reservation)
	switch {
	case min(limit, swap, reservation) < -1:
		return fmt.Errorf("%d bytes of memory: give a number, or -1 for no limit", min(limit, swap, reservation))
	case swap > 0 && (limit == -1 || swap < limit):
		return fmt.Errorf("the limit of memory and swap together, %d, is less than that of memory, %d", swap, limit)
	case limit > 0 && reservation > limit:
		return fmt.Errorf("the reservation of memory, %d, is more than the limit, %d", reservation, limit)
	case memory.Swappiness != nil:
		return errors.New("a swappiness is not supported")
	case memory.DisableOOMKiller != nil && *memory.DisableOOMKiller:
		return errors.New("memory without an OOM killer is not supported")
	case given(memory.Kernel) || given(memory.KernelTCP): //nolint:staticcheck // deprecated is a reason to refuse it
		return errors.New("limits of the kernel's memory are not supported")
	}
	return nil
}

func validateCPU(cpu *specs.LinuxCPU) error {
	if cpu == nil {
		return nil
	}
	quota, period, shares := value(cpu.Quota), value(cpu.Period), value(cpu.Shares)
	switch {
	case quota < -1 || quota > 0 && quota < 1000:
		return fmt.Errorf("a cpu quota of %d microseconds: give 1000 or more, or -1 for no limit", quota)
	case period != 0 && (period < 1000 || period > 1000000):
		return fmt.Errorf("a cpu period of %d microseconds: give 1000 to 1000000", period)
	case shares != 0 && (shares < 2 || shares > 262144):
		return fmt.Errorf("%d cpu shares: give 2 to 262144", shares)
	case given(cpu.RealtimeRuntime) || given(cpu.RealtimePeriod):
		return errors.New("limits of realtime scheduling are not supported")
	case given(cpu.Burst) || given(cpu.Idle):
		return errors.New("a cpu burst and idle scheduling are not supported")
	}
	return nil
}

func validateBlockIO(blockIO *specs.LinuxBlockIO) error {
	if blockIO == nil {
		return nil
	}
	throttled := len(blockIO.ThrottleReadBpsDevice) + len(blockIO.ThrottleReadIOPSDevice) +
		len(blockIO.ThrottleWriteBpsDevice) + len(blockIO.ThrottleWriteIOPSDevice)
	weight := value(blockIO.Weight)
	switch {
	case weight != 0 && (weight < 10 || weight > 1000):
		return fmt.Errorf("a weight of block I/O of %d: give 10 to 1000", weight)
	case given(blockIO.LeafWeight) || len(blockIO.WeightDevice) > 0:
		return errors.New("weights of single devices are not supported")
	case throttled > 0:
		return errors.New("throttling of block I/O is not supported")
	}
	return nil
}
