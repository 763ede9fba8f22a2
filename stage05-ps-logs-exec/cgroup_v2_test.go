package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeV2 is a folder that looks like the root of a v2 hierarchy with these
// controllers, and in which the files of a new cgroup appear as in a real one.
func fakeV2(t *testing.T, controllers string) Hierarchy {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "mytinydocker"), 0o755))
	for _, folder := range []string{root, filepath.Join(root, "mytinydocker")} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), nil, 0o600))
	}
	drivers[2] = fakeKernel{v2{}}
	t.Cleanup(func() { drivers[2] = v2{} })
	return Hierarchy{Version: 2, Mountpoint: root, Own: filepath.Join(root, "session"), Subsystems: strings.Fields(controllers)}
}

type fakeKernel struct{ driver }

func (k fakeKernel) create(hierarchy Hierarchy, id string, wanted []subsystem) (string, error) {
	folder, err := k.driver.create(hierarchy, id, wanted)
	for _, name := range []string{"cgroup.procs", "memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "cpuset.cpus", "pids.max"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), nil, 0o600)
		}
	}
	return folder, err
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

// Swap has a limit of its own there.
func TestV2LimitsMemoryAndSwapAlone(t *testing.T) {
	settings := memory{}.files(2, Limits{Memory: 64 << 20})

	require.Equal(t, []setting{
		{file: "memory.max", value: "67108864"},
		{file: "memory.swap.max", value: "0", optional: true},
	}, settings)
}

func TestV2PassesOnOnlyWhatIsWanted(t *testing.T) {
	hierarchy := fakeV2(t, "cpu memory pids")

	cgroup, err := newCgroup([]Hierarchy{hierarchy}, Limits{Pids: 5})

	require.NoError(t, err)
	require.Equal(t, "+pids", content(t, hierarchy.Mountpoint, "cgroup.subtree_control"))
	require.Empty(t, content(t, cgroup.folders[0], "memory.max"))
}

func TestMissingSubsystemIsAnErrorAndLeavesNothing(t *testing.T) {
	hierarchy := fakeV2(t, "cpu pids")

	_, err := newCgroup([]Hierarchy{hierarchy}, Limits{Pids: 5, Memory: 1 << 20})

	require.ErrorContains(t, err, "memory")
	made, err := filepath.Glob(filepath.Join(hierarchy.Mountpoint, "mytinydocker", "*-*"))
	require.NoError(t, err)
	require.Empty(t, made)
}

// A kernel without swap has no file to limit it by; one without a file for what
// was asked is an error.
func TestOnlyOptionalFilesMayBeMissing(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "memory.max"), nil, 0o600))
	cgroup := &Cgroup{}
	drivers[2] = existing(folder)
	defer func() { drivers[2] = v2{} }()
	hierarchy := Hierarchy{Version: 2}

	require.NoError(t, cgroup.join(hierarchy, "id", []subsystem{memory{}}, Limits{Memory: 1 << 20}))
	require.Equal(t, "1048576", content(t, folder, "memory.max"))
	require.Error(t, cgroup.join(hierarchy, "id", []subsystem{pids{}}, Limits{Pids: 1}))
	require.NoFileExists(t, filepath.Join(folder, "pids.max"))
}

// existing is a cgroup that is there already.
type existing string

func (e existing) create(Hierarchy, string, []subsystem) (string, error) { return string(e), nil }

// Shares are a number around 1024, weights one around 100, and 1 to 10000 in all.
func TestWeightOfShares(t *testing.T) {
	for shares, want := range map[uint64]uint64{2: 1, 1024: 39, 262144: 10000} {
		require.Equal(t, want, weight(shares), shares)
	}
}
