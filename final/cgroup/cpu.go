package cgroup

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// cpu limits how much cpu time the processes of a group get: in every period at most
// a quota, both in microseconds, and, where others want the cpu as well, a share.
type cpu struct{}

func (cpu) name(int) string { return "cpu" }

func (cpu) asked(resources *specs.LinuxResources) bool {
	cpu := resources.CPU
	return cpu != nil && (given(cpu.Quota) || given(cpu.Period) || given(cpu.Shares))
}

func (cpu) settings(version int, group folder, resources *specs.LinuxResources) (settings []setting, err error) {
	quota, period, shares := value(resources.CPU.Quota), value(resources.CPU.Period), value(resources.CPU.Shares)
	if version == 1 {
		settings = bandwidthV1(quota, period)
	} else if settings, err = bandwidthV2(group, quota, period); err != nil {
		return nil, err
	}
	switch {
	case shares == 0:
	case version == 1:
		settings = append(settings, setting{"cpu.shares", strconv.FormatUint(shares, 10)})
	default:
		settings = append(settings, setting{"cpu.weight", strconv.FormatUint(weightOfShares(shares), 10)})
	}
	return settings, nil
}

// bandwidthV1 takes the quota away while the period changes: the old one in the new
// period could be more than the group above has, and be refused.
func bandwidthV1(quota int64, period uint64) []setting {
	var settings []setting
	if period != 0 {
		if quota != 0 {
			settings = append(settings, setting{"cpu.cfs_quota_us", "-1"})
		}
		settings = append(settings, setting{"cpu.cfs_period_us", strconv.FormatUint(period, 10)})
	}
	if quota != 0 {
		settings = append(settings, setting{"cpu.cfs_quota_us", strconv.FormatInt(quota, 10)})
	}
	return settings
}

// bandwidthV2 writes both to one file. What is not asked for stays.
func bandwidthV2(group folder, quota int64, period uint64) ([]setting, error) {
	if quota == 0 && period == 0 {
		return nil, nil
	}
	text, err := group.read("cpu.max")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return nil, inFile(group, "cpu.max", fmt.Errorf("not a quota and a period: %q", text))
	}
	if quota != 0 {
		fields[0] = orMax(quota)
	}
	if period != 0 {
		fields[1] = strconv.FormatUint(period, 10)
	}
	return []setting{{"cpu.max", strings.Join(fields, " ")}}, nil
}

// weightOfShares turns shares, from 2 to 262144 and usually 1024, into a weight, from
// 1 to 10000 and usually 100. The three points lie on no line: the curve through them
// is the one that runc has from 1.3.2 on, and crun from 1.23.
func weightOfShares(shares uint64) uint64 {
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}
