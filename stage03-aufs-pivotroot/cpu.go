package main

import (
	"fmt"
	"strconv"
)

// cpu limits how much cpu time the processes of a cgroup get: in every period of
// 100 ms at most a quota, and, where others want the cpu as well, a share.
type cpu struct{}

const periodMicroseconds = 100_000

func (cpu) name() string { return "cpu" }

func (cpu) wanted(limits Limits) bool { return limits.CPUs > 0 || limits.CPUShares > 0 }

// files sets the quota if CPUs is set: version 1 has a file for the period and one
// for the quota, version 2 one for both, quota first. It sets the share if CPUShares
// is set: version 1 takes it as it is, version 2 as a weight.
//
//learn:exercise
func (cpu) files(version int, limits Limits) []setting {
	var settings []setting
	if limits.CPUs > 0 {
		quota := int64(limits.CPUs * periodMicroseconds)
		if version == 1 {
			settings = append(settings, setting{file: "cpu.cfs_period_us", value: strconv.Itoa(periodMicroseconds)},
				setting{file: "cpu.cfs_quota_us", value: strconv.FormatInt(quota, 10)})
		} else {
			settings = append(settings, setting{file: "cpu.max", value: fmt.Sprintf("%d %d", quota, periodMicroseconds)})
		}
	}
	if limits.CPUShares > 0 {
		if version == 1 {
			settings = append(settings, setting{file: "cpu.shares", value: strconv.FormatUint(limits.CPUShares, 10)})
		} else {
			settings = append(settings, setting{file: "cpu.weight", value: strconv.FormatUint(weight(limits.CPUShares), 10)})
		}
	}
	return settings
}

// weight turns shares, from 2 to 262144, into a weight, from 1 to 10000: version 2
// has changed the scale, but not the meaning.
func weight(shares uint64) uint64 { return 1 + (shares-2)*9999/262142 }
