package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// ours returns the cgroups of our containers that there are now, on all hierarchies.
func ours(t *testing.T) []string {
	t.Helper()
	hierarchies, err := FindHierarchies()
	require.NoError(t, err)
	var found []string
	for _, hierarchy := range hierarchies {
		for _, parent := range []string{hierarchy.Own, hierarchy.Mountpoint} {
			groups, err := filepath.Glob(filepath.Join(parent, "mytinydocker", "*-*"))
			require.NoError(t, err)
			found = append(found, groups...)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found) // we may be in the root ourselves
	return slices.DeleteFunc(found, testbed.IsForeignCgroup)
}

// A process is in one cgroup of every hierarchy, so it is written to each of them.
func TestAddIsForEveryHierarchy(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	for _, folder := range []string{one, other} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "cgroup.procs"), nil, 0o600))
	}

	require.NoError(t, (&Cgroup{folders: []string{one, other}}).Add(4711))

	require.Equal(t, "4711", content(t, one, "cgroup.procs"))
	require.Equal(t, "4711", content(t, other, "cgroup.procs"))
	require.NoError(t, (&Cgroup{}).Add(4711), "no limits, no cgroup")
}

// The folder that all containers have in common goes with the last of them.
func TestRemoveTakesEveryFolder(t *testing.T) {
	root := t.TempDir()
	last, beside, another := filepath.Join(root, "a/last"), filepath.Join(root, "b/beside"), filepath.Join(root, "b/another")
	for _, folder := range []string{last, beside, another} {
		require.NoError(t, os.MkdirAll(folder, 0o755))
	}

	require.NoError(t, (&Cgroup{folders: []string{last, beside}}).Remove())

	require.NoDirExists(t, filepath.Dir(last))
	require.NoDirExists(t, beside)
	require.DirExists(t, another)
	require.NoError(t, (&Cgroup{folders: []string{last}}).Remove(), "it is gone already")
	require.ErrorIs(t, (&Cgroup{folders: []string{filepath.Dir(another)}}).Remove(), os.ErrExist, "not empty")
}

// A folder on which something is mounted is as busy as a cgroup with a process in it.
func TestRemoveWaitsForWhoIsStillThere(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := filepath.Join(t.TempDir(), "mytinydocker/busy")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, unix.Mount("none", folder, "tmpfs", 0, ""))
	removed := make(chan error, 1)

	go func() { removed <- (&Cgroup{folders: []string{folder}}).Remove() }()

	select {
	case err := <-removed:
		require.NoError(t, unix.Unmount(folder, 0))
		t.Fatalf("Remove has given up at once: %v", err)
	case <-time.After(100 * time.Millisecond): // it waits: that is all there is to see
	}
	require.NoError(t, unix.Unmount(folder, 0))
	require.NoError(t, <-removed)
	require.NoDirExists(t, folder)
}

func TestEachSubsystemIsLimitedWhereItIs(t *testing.T) {
	hierarchies := []Hierarchy{
		{Version: 1, Subsystems: []string{"cpu", "cpuacct"}}, {Version: 2, Subsystems: []string{"memory", "pids"}}, {Version: 1, Subsystems: []string{"cpuset"}},
	}

	plan, err := place(hierarchies, Limits{Pids: 5, CPUs: 1, Memory: 1 << 20})

	require.NoError(t, err)
	require.Equal(t, [][]subsystem{{cpu{}}, {memory{}, pids{}}, nil}, plan)
	_, err = place(hierarchies[:1], Limits{Pids: 5})
	require.ErrorContains(t, err, "pids")
}

func TestPidsFilesOfBothVersions(t *testing.T) {
	for _, version := range []int{1, 2} {
		require.Equal(t, []setting{{file: "pids.max", value: "40"}}, pids{}.files(version, Limits{Pids: 40}))
	}
}

func TestMemoryHogIsKilled(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupMemory)

	below := container(t, []string{"-m", "64m"}, box(t), "eat", "32m").Run(t)
	above := container(t, []string{"-m", "64m"}, box(t), "eat", "128m").Run(t)

	require.Equal(t, testbed.Result{Stdout: "ate 33554432\n"}, below)
	require.Equal(t, 128+9, above.Code)
	require.Empty(t, above.Stdout)
}

func TestBurnerIsThrottled(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupCPU)

	result := container(t, []string{"--cpus", "0.2"}, box(t), "burn", "2").Run(t)

	require.Zero(t, result.Code, result.Stderr)
	used, err := strconv.ParseFloat(strings.TrimSpace(result.Stdout), 64)
	require.NoError(t, err)
	require.InDelta(t, 0.4, used, 0.2, "cpu seconds of 2 seconds with a fifth of a cpu")
}

func TestThrottlingIsCounted(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupCPU)
	running := container(t, []string{"--cpus", "0.1"}, "sh", "-c", "echo ready; while :; do :; done").Start(t)
	running.Expect("ready")

	testbed.Eventually(t, "nr_throttled to grow", func() bool {
		for _, group := range ours(t) {
			stat, err := os.ReadFile(filepath.Join(group, "cpu.stat"))
			if err == nil && !strings.Contains(string(stat), "nr_throttled 0\n") {
				return true
			}
		}
		return false
	})

	endFromOutside(t, running)
}

// endFromOutside kills the container's first process, and waits until the program
// that has started it has cleaned up.
func endFromOutside(t *testing.T, running *testbed.Process) {
	t.Helper()
	require.NoError(t, syscall.Kill(onlyChild(t, running.Pid()), syscall.SIGKILL))
	require.Equal(t, 128+9, running.Wait().Code)
}

func TestSharesAreWhatTheKernelHas(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupCPU)
	running := container(t, []string{"--cpu-shares", "512"}, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")

	groups := ours(t)
	require.Len(t, groups, 1)
	shares, err := os.ReadFile(filepath.Join(groups[0], "cpu.shares"))
	if err != nil {
		require.Equal(t, "20\n", content(t, groups[0], "cpu.weight"))
	} else {
		require.Equal(t, "512\n", string(shares))
	}
	endFromOutside(t, running)
}

func TestCPUSetIsObeyed(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupCpuset)

	result := container(t, []string{"--cpuset-cpus", "0"}, "grep", "Cpus_allowed_list", "/proc/self/status").Run(t)

	require.Equal(t, testbed.Result{Stdout: "Cpus_allowed_list:\t0\n"}, result)
}

func TestForkBombStopsAtTheLimit(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)

	// The box is a Go program: some of the tasks are its own threads.
	result := container(t, []string{"--pids-limit", "40"}, box(t), "forkbomb").Run(t)

	require.Zero(t, result.Code, result.Stderr)
	require.Regexp(t, `^forked \d\d?: .*(temporarily unavailable|not permitted)`, result.Stdout)
	require.Zero(t, testbed.Run(t, "true").Code, "the host can still fork")
}

func TestTwoContainersShareNoCgroup(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	command := container(t, []string{"--pids-limit", "100"}, "sh", "-c", "cat /proc/self/cgroup; echo ready; exec sleep 1000")
	one, other := command.Start(t), command.Start(t)

	require.NotEqual(t, one.Expect("ready"), other.Expect("ready"))
	require.Len(t, ours(t), 2)
	endFromOutside(t, one)
	endFromOutside(t, other)
}

func TestLimitsHoldFromTheFirstInstruction(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids, testbed.CgroupMemory)

	result := container(t, []string{"--pids-limit", "100", "-m", "64m"}, "cat", "/proc/self/cgroup").Run(t)

	require.Zero(t, result.Code, result.Stderr)
	require.Contains(t, result.Stdout, "/mytinydocker/")
}

func TestCgroupIsGoneAfterwards(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids, testbed.CgroupMemory)
	flags := []string{"--pids-limit", "100", "-m", "64m"}
	for name, end := range map[string]func(){
		"after exit":            func() { require.Zero(t, container(t, flags, "true").Run(t).Code) },
		"after a failing start": func() { require.Equal(t, 127, container(t, flags, "nosuch").Run(t).Code) },
		"after a limit that the kernel refuses": func() {
			require.Equal(t, 125, container(t, []string{"-m", "64m", "--pids-limit", "9223372036854775807"}, "true").Run(t).Code)
		},
		"after a kill": func() {
			running := container(t, flags, "sh", "-c", "sleep 1000 & echo ready; wait").Start(t)
			running.Expect("ready")
			require.NotEmpty(t, ours(t))
			endFromOutside(t, running)
		},
	} {
		end()

		require.Empty(t, ours(t), name)
	}
}

func TestNothingIsMadeInTheWorkingFolder(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	command := container(t, []string{"--pids-limit", "100"}, "true")
	command.Dir = t.TempDir()

	require.Zero(t, command.Run(t).Code)

	left, err := os.ReadDir(command.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWithoutLimitsThereIsNoCgroup(t *testing.T) {
	result := runContainer(t, "cat", "/proc/self/cgroup")

	require.Zero(t, result.Code, result.Stderr)
	require.NotEmpty(t, result.Stdout)
	require.NotContains(t, result.Stdout, "/mytinydocker/")
}
