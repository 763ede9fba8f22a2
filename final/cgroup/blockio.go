package cgroup

import (
	"errors"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// blockIO weighs the groups against each other that want the same disk.
type blockIO struct{}

func (blockIO) name(version int) string {
	if version == 1 {
		return "blkio"
	}
	return "io"
}

func (blockIO) asked(resources *specs.LinuxResources) bool {
	return resources.BlockIO != nil && given(resources.BlockIO.Weight)
}

// settings sets the weight, from 10 to 1000. What it is called depends on what the
// kernel schedules by: only bfq, and before Linux 5.0 cfq, know weights in version 1.
// Version 2's own go from 1 to 10000.
func (blockIO) settings(version int, group folder, resources *specs.LinuxResources) ([]setting, error) {
	weight := uint64(*resources.BlockIO.Weight)
	for _, file := range []string{"blkio.bfq.weight", "blkio.weight", "io.bfq.weight"} {
		if group.has(file) {
			return []setting{{file, strconv.FormatUint(weight, 10)}}, nil
		}
	}
	if version == 2 && group.has("io.weight") {
		return []setting{{"io.weight", strconv.FormatUint(1+(weight-10)*9999/990, 10)}}, nil
	}
	return nil, errors.New("this kernel has no weight of block I/O: choose the scheduler bfq, or leave the weight out")
}
