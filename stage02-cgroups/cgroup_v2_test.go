package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeV2 is a folder that looks like the root of a v2 hierarchy with these
// controllers. The kernel would make the files of a new cgroup by itself.
func fakeV2(t *testing.T, controllers string) Hierarchy {
	t.Helper()
	root := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o600))
	}
	write("cgroup.controllers", controllers+"\n")
	write("cgroup.subtree_control", "")
	return Hierarchy{Version: 2, Mountpoint: root, Own: filepath.Join(root, "session"), Subsystems: strings.Fields(controllers)}
}

func content(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}

func TestV2WritesWhatTheKernelReads(t *testing.T) {
	hierarchy := fakeV2(t, "cpuset cpu io memory pids")
	limits := Limits{Memory: 64 << 20, CPUs: 0.25, CPUShares: 512, CPUSet: "0-1", Pids: 20}

	cgroup, err := newCgroup([]Hierarchy{hierarchy}, limits)
	require.NoError(t, err)
	require.NoError(t, cgroup.Add(4711))

	require.Len(t, cgroup.folders, 1)
	folder := cgroup.folders[0]
	require.Equal(t, filepath.Join(hierarchy.Mountpoint, "mytinydocker"), filepath.Dir(folder))
	for name, want := range map[string]string{
		"memory.max": "67108864", "memory.swap.max": "0", "cpu.max": "25000 100000", "cpu.weight": "20", "cpuset.cpus": "0-1",
		"pids.max": "20", "cgroup.procs": "4711",
	} {
		require.Equal(t, want, content(t, folder, name), name)
	}
	// A controller is there for a cgroup only if its parent passes it on.
	for _, parent := range []string{hierarchy.Mountpoint, filepath.Dir(folder)} {
		require.Equal(t, "+memory +cpu +cpuset +pids", content(t, parent, "cgroup.subtree_control"))
	}
}

func TestV2PassesOnOnlyWhatIsWanted(t *testing.T) {
	hierarchy := fakeV2(t, "cpu memory pids")

	cgroup, err := newCgroup([]Hierarchy{hierarchy}, Limits{Pids: 5})

	require.NoError(t, err)
	require.Equal(t, "+pids", content(t, hierarchy.Mountpoint, "cgroup.subtree_control"))
	require.NoFileExists(t, filepath.Join(cgroup.folders[0], "memory.max"))
}

func TestMissingSubsystemIsAnErrorAndLeavesNothing(t *testing.T) {
	hierarchy := fakeV2(t, "cpu pids")

	_, err := newCgroup([]Hierarchy{hierarchy}, Limits{Pids: 5, Memory: 1 << 20})

	require.ErrorContains(t, err, "memory")
	require.NoDirExists(t, filepath.Join(hierarchy.Mountpoint, "mytinydocker"))
}

// Shares are a number around 1024, weights one around 100, and 1 to 10000 in all.
func TestWeightOfShares(t *testing.T) {
	for shares, want := range map[uint64]uint64{2: 1, 1024: 39, 262144: 10000} {
		require.Equal(t, want, weight(shares), shares)
	}
}
