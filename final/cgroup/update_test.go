package cgroup

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestLimitsChangeUnderARunningProcess(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids, testbed.CgroupMemory, testbed.CgroupCPU)
	group := newGroup(t, memoryOf(m64, m64, 0))
	process := inGroup(t, group, "sleep", "60")
	limits := func() (memory uint64, pids string) {
		stats, err := group.Stats()
		require.NoError(t, err)
		return stats.MemoryLimit.Value, fileOf(t, partOf(t, group, pidsController), "pids.max")
	}

	for _, size := range []int64{2 * m64, m64 / 2, m64} { // up, down, up
		require.NoError(t, group.Update(memoryOf(size, 2*size, 0)))
		memory, _ := limits()
		require.Equal(t, uint64(size), memory)
	}
	require.NoError(t, group.Update(pidsOf(30)))
	require.NoError(t, group.Update(cpuOf(20000, 0, 0, "", "")))
	require.NoError(t, group.Update(cpuOf(0, 50000, 300, "", "")))

	memory, pids := limits()
	require.Equal(t, uint64(m64), memory, "what is not asked for stays")
	require.Equal(t, "30", pids)
	require.DirExists(t, "/proc/"+pidText(process))
	require.NoError(t, group.Update(pidsOf(-1)))
	require.NoError(t, group.Update(memoryOf(-1, 0, 0)))
	memory, pids = limits()
	require.Greater(t, memory, uint64(m64))
	require.Equal(t, "max", pids)
	require.NoError(t, group.Update(nil))
}

var pidsController = pids{}

// An update is done as a whole or not at all.
func TestUpdateThatFailsChangesNothing(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids, testbed.CgroupMemory, testbed.CgroupCPU)
	resources := memoryOf(m64, m64, 0)
	resources.CPU = cpuOf(20000, 100000, 300, "", "").CPU
	resources.Pids = pidsOf(30).Pids
	group := newGroup(t, resources)
	before := settingsOf(t, group)
	wrong := memoryOf(2*m64, 3*m64, 0)
	wrong.CPU = cpuOf(30000, 60000, 700, "", "").CPU
	wrong.Pids = pidsOf(1 << 62).Pids

	err := group.Update(wrong)

	require.ErrorContains(t, err, "limit pids")
	require.Equal(t, before, settingsOf(t, group))
}

// settingsOf reads everything that the controllers of a group are set to.
func settingsOf(t *testing.T, group *Group) map[string]string {
	t.Helper()
	settings := make(map[string]string)
	for _, part := range group.parts {
		for _, file := range []string{
			"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max", "memory.swap.max", "memory.oom.group",
			"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares", "cpu.max", "cpu.weight", "pids.max",
		} {
			if part.folder.has(file) {
				settings[file] = fileOf(t, part.folder, file)
			}
		}
	}
	require.NotEmpty(t, settings)
	return settings
}

func TestUpdateThatCannotBeIsRefused(t *testing.T) {
	group := newGroup(t, nil)

	require.ErrorContains(t, group.Update(&specs.LinuxResources{Devices: DefaultDevices()}), "devices")
	require.ErrorContains(t, group.Update(pidsOf(-7)), "pids")
}

func TestUpdateOfAnOpenedGroup(t *testing.T) {
	group := newGroup(t, nil)
	opened, err := Open(group.name)
	require.NoError(t, err)

	require.NoError(t, opened.Update(pidsOf(30)))

	require.Equal(t, "30", fileOf(t, partOf(t, group, pids{}), "pids.max"))
}
