package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func pidText(process *testbed.Process) string { return strconv.Itoa(process.Pid()) }

func TestStatsAreOfTheGroup(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids, testbed.CgroupMemory)
	resources := memoryOf(2*m64, 2*m64, 0)
	resources.Pids = pidsOf(50).Pids
	group := newGroup(t, resources)
	empty, err := group.Stats()
	require.NoError(t, err)
	inGroup(t, group, box(t), "eat", "64m").Expect("ate")
	inGroup(t, group, box(t), "burn", "0.2").Wait()

	stats, err := group.Stats()

	require.NoError(t, err)
	require.True(t, stats.CPU.Known)
	require.Greater(t, stats.CPU.Value-empty.CPU.Value, uint64(100e6), "nanoseconds")
	require.Less(t, stats.CPU.Value, uint64(60e9))
	require.Greater(t, stats.SystemCPU.Value, empty.SystemCPU.Value)
	require.Positive(t, stats.CPUs)
	require.Equal(t, known(2*m64), stats.MemoryLimit)
	require.GreaterOrEqual(t, stats.Memory.Value, uint64(m64))
	require.Less(t, stats.Memory.Value, uint64(2*m64))
	require.Positive(t, stats.Pids.Value)
	require.Equal(t, known(50), stats.PidsLimit)
}

// What the kernel has read ahead and nobody uses is not counted: it makes room as soon
// as it is wanted.
func TestFilesThatNobodyUsesAreNoMemory(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupMemory)
	group := newGroup(t, nil)
	file := filepath.Join(diskFolder(t), "large")

	require.Zero(t, inGroup(t, group, "dd", "if=/dev/zero", "of="+file, "bs=1048576", "count=32").Wait().Code)

	stats, err := group.Stats()
	require.NoError(t, err)
	require.Less(t, stats.Memory.Value, uint64(24<<20))
}

// diskFolder is a folder on a disk: the pages of a tmpfs are memory in use.
func diskFolder(t *testing.T) string {
	t.Helper()
	root := testbed.StateRoot(t)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	if onTmpfs(root, string(mounts)) {
		t.Skip("requires a disk: " + root + " is in memory")
	}
	return root
}

func TestBytesToTheDiskAreCounted(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	group := newGroup(t, nil)
	file := filepath.Join(diskFolder(t), "large")

	result := inGroup(t, group, "sh", "-c", "dd if=/dev/zero of="+file+" bs=1048576 count=8 conv=fsync").Wait()

	require.Zero(t, result.Code, result.Stderr)
	stats, err := group.Stats()
	require.NoError(t, err)
	if !stats.BlockWrite.Known {
		t.Skip("requires a kernel that counts block I/O")
	}
	testbed.Eventually(t, "bytes to be counted", func() bool {
		stats, err := group.Stats()
		require.NoError(t, err)
		return stats.BlockWrite.Value > 0
	})
}

// Without a controller there is nothing to count with, and no reason to fail.
func TestWhatNobodyCountsIsUnknown(t *testing.T) {
	for version := 1; version <= 2; version++ {
		stats, err := fakeGroup(t, version, nil).Stats()

		require.NoError(t, err)
		require.True(t, stats.SystemCPU.Known)
		for _, amount := range []Amount{stats.CPU, stats.Memory, stats.MemoryLimit, stats.Pids, stats.PidsLimit, stats.BlockRead, stats.BlockWrite} {
			require.Equal(t, Amount{}, amount)
		}
		_, err = fakeGroup(t, version, map[string]string{"cgroup.controllers": "cpu\n"}).OOMKills()
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
}

func TestStatsOfVersion2(t *testing.T) {
	group := fakeGroup(t, 2, map[string]string{
		"cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n", "memory.current": "8192\n", "memory.stat": "anon 1\ninactive_file 4096\n",
		"memory.max": "1048576\n", "../memory.max": "524288\n", "pids.current": "3\n", "pids.max": "max\n", "io.stat": "8:0 rbytes=512 wbytes=1024 rios=1\n",
		"cgroup.controllers": "memory\n", "memory.events": "oom 1\noom_kill 2\n",
	})
	defer os.Remove(group.parts[0].folder.above().path("memory.max"))

	stats, err := group.Stats()

	require.NoError(t, err)
	require.Equal(t, known(1500000), stats.CPU)
	require.Equal(t, known(4096), stats.Memory)
	require.Equal(t, known(524288), stats.MemoryLimit, "the one above counts")
	require.Equal(t, [2]Amount{known(3), {}}, [2]Amount{stats.Pids, stats.PidsLimit})
	require.Equal(t, [2]Amount{known(512), known(1024)}, [2]Amount{stats.BlockRead, stats.BlockWrite})
	kills, err := group.OOMKills()
	require.NoError(t, err)
	require.Equal(t, uint64(2), kills)
}

// A kernel may have the file and count nothing in it. That is not the same as to count
// and find none.
func TestBlockIOThatNobodyCountsIsUnknown(t *testing.T) {
	const file = "blkio.throttle.io_service_bytes_recursive"
	for name, test := range map[string]struct {
		group, top string
		want       Amount
	}{
		"by nobody":      {"Total 0\n", "Total 0\n", Amount{}},
		"of others only": {"Total 0\n", "8:0 Read 512\nTotal 512\n", known(0)},
		"of the group":   {"8:0 Read 512\nTotal 512\n", "8:0 Read 1024\nTotal 1024\n", known(512)},
	} {
		group := fakeGroup(t, 1, map[string]string{file: test.group})
		group.parts[0].controllers = []string{"blkio"}
		top := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(top, file), []byte(test.top), 0o600))
		group.parts[0].mountpoint = top

		stats, err := group.Stats()

		require.NoError(t, err)
		require.Equal(t, test.want, stats.BlockRead, name)
	}
}

func TestTextThatIsNotUnderstoodIsAnError(t *testing.T) {
	for file, content := range map[string]string{
		"cpu.stat": "usage_usec -1\n", "memory.current": "much\n", "pids.current": "\n", "io.stat": "8:0 rbytes=x\n",
	} {
		_, err := fakeGroup(t, 2, map[string]string{file: content, "memory.stat": "", "pids.max": "max\n"}).Stats()

		require.ErrorContains(t, err, file)
	}
}

func onTmpfs(path, mounts string) bool {
	infos, err := mountinfo.GetMountsFromReader(strings.NewReader(mounts), mountinfo.ParentsFilter(path))
	if err != nil || len(infos) == 0 {
		return true
	}
	nearest := infos[0]
	for _, info := range infos {
		if len(info.Mountpoint) >= len(nearest.Mountpoint) {
			nearest = info
		}
	}
	return nearest.FSType == "tmpfs" || nearest.FSType == "rootfs"
}
