package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCPUFilesOfBothVersions(t *testing.T) {
	quota, shares := Limits{CPUs: 0.25}, Limits{CPUShares: 512}

	require.Equal(t, []setting{
		{file: "cpu.cfs_period_us", value: "100000"}, {file: "cpu.cfs_quota_us", value: "25000"},
	}, cpu{}.files(1, quota))
	require.Equal(t, []setting{{file: "cpu.max", value: "25000 100000"}}, cpu{}.files(2, quota))
	require.Equal(t, []setting{{file: "cpu.shares", value: "512"}}, cpu{}.files(1, shares))
	require.Equal(t, []setting{{file: "cpu.weight", value: "20"}}, cpu{}.files(2, shares))
	require.Len(t, cpu{}.files(2, Limits{CPUs: 1, CPUShares: 1024}), 2, "both at once")
}
