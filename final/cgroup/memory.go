package cgroup

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// memory limits how many bytes of memory the processes of a group use in all. At the
// limit the kernel first writes back and forgets what it can, and then kills.
type memory struct{}

func (memory) name(int) string { return "memory" }

func (memory) asked(resources *specs.LinuxResources) bool {
	memory := resources.Memory
	return memory != nil && (given(memory.Limit) || given(memory.Swap) || given(memory.Reservation))
}

// given reports whether a field asks for anything: in the specification's tools zero
// is as good as nothing.
func given[T int64 | uint64 | uint16](field *T) bool { return field != nil && *field != 0 }

// value returns what a field asks for, or 0.
func value[T int64 | uint64 | uint16](field *T) T {
	if field == nil {
		return 0
	}
	return *field
}

func (memory) settings(version int, group folder, resources *specs.LinuxResources) ([]setting, error) {
	limit, swap, reservation := value(resources.Memory.Limit), value(resources.Memory.Swap), value(resources.Memory.Reservation)
	if limit == -1 && swap == 0 {
		swap = -1 // both together cannot be less than one of them
	}
	if version == 1 {
		settings, err := memoryV1(group, limit, swap)
		if reservation != 0 {
			settings = append(settings, setting{"memory.soft_limit_in_bytes", strconv.FormatInt(reservation, 10)})
		}
		return settings, err
	}
	if check := resources.Memory.CheckBeforeUpdate; check != nil && *check && limit > 0 {
		if used, err := group.number("memory.current"); err != nil || used > uint64(limit) {
			return nil, errors.Join(err, fmt.Errorf("%d bytes of memory are in use, more than the limit of %d", used, limit))
		}
	}
	settings, err := memoryV2(group, limit, swap)
	if reservation != 0 {
		// What is not reclaimed first: nothing by default, where version 1's
		// soft limit has no end.
		settings = append(settings, setting{"memory.low", strconv.FormatInt(max(reservation, 0), 10)})
	}
	return settings, err
}

// memoryV1 sets the limit of memory and that of memory and swap together. The second
// may at no time be the lower one, so whichever makes room comes first.
func memoryV1(group folder, limit, swap int64) ([]setting, error) {
	var settings []setting
	if limit != 0 {
		settings = []setting{{"memory.limit_in_bytes", strconv.FormatInt(limit, 10)}}
	}
	if counted, err := countsSwap(group, "memory.memsw.limit_in_bytes", swap); err != nil || !counted {
		return settings, err
	}
	both, err := group.limit("memory.memsw.limit_in_bytes")
	switch {
	case err != nil:
		return nil, err
	case swap == 0 && limit > 0 && uint64(limit) > both:
		return nil, fmt.Errorf("the limit of memory and swap together is %d: raise that as well", both)
	case swap == 0:
		return settings, nil
	}
	together := setting{"memory.memsw.limit_in_bytes", strconv.FormatInt(swap, 10)}
	if limit == 0 {
		memory, err := group.limit("memory.limit_in_bytes")
		if err != nil || swap > 0 && memory > uint64(swap) {
			return nil, errors.Join(err, errNoLimit(swap))
		}
	}
	if swap == -1 || uint64(swap) > both {
		return append([]setting{together}, settings...), nil
	}
	return append(settings, together), nil
}

// memoryV2 sets the limit of memory and that of swap, each by itself. At the limit
// the group is killed as a whole: a container of which a part is missing is of no
// use, and looks as if it still were.
func memoryV2(group folder, limit, swap int64) ([]setting, error) {
	var settings []setting
	if limit != 0 {
		settings = append(settings, setting{"memory.max", orMax(limit)})
	}
	counted, err := countsSwap(group, "memory.swap.max", swap)
	if err != nil {
		return nil, err
	}
	switch {
	case counted && swap == -1:
		settings = append(settings, setting{"memory.swap.max", "max"})
	case counted && swap > 0:
		memory := uint64(limit)
		if limit == 0 {
			if memory, err = group.limit("memory.max"); err != nil {
				return nil, err
			}
		}
		if memory > uint64(swap) {
			return nil, errNoLimit(swap)
		}
		settings = append(settings, setting{"memory.swap.max", strconv.FormatUint(uint64(swap)-memory, 10)})
	}
	if limit != 0 && group.has("memory.oom.group") { // Linux 4.19
		whole := "1"
		if limit == -1 {
			whole = "0"
		}
		settings = append(settings, setting{"memory.oom.group", whole})
	}
	return settings, nil
}

func errNoLimit(swap int64) error {
	return fmt.Errorf("a limit of %d for memory and swap together needs a limit of memory that is no greater", swap)
}

// countsSwap reports whether the kernel can limit swap. If it cannot and is asked to,
// that is no harm only as long as the machine has no swap.
func countsSwap(group folder, file string, swap int64) (bool, error) {
	if group.has(file) {
		return true, nil
	}
	if swap <= 0 {
		return false, nil
	}
	used, err := machineHasSwap()
	if err == nil && used {
		err = errors.New("this kernel does not limit swap: boot with swapaccount=1, or give no limit for memory and swap together")
	}
	return false, err
}

// orMax is a limit in version 2's words.
func orMax(limit int64) string {
	if limit == -1 {
		return "max"
	}
	return strconv.FormatInt(limit, 10)
}
