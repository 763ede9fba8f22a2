package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestFrozenProcessesStandStill(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, nil)
			process := inGroup(t, group, box(t), "burn", "60")
			requireFrozen(t, group, false)
			testbed.Eventually(t, "the process to run", func() bool { return ticksOf(t, process.Pid()) > 0 })

			require.NoError(t, group.Freeze())

			requireFrozen(t, group, true)
			before := ticksOf(t, process.Pid())
			<-time.After(100 * time.Millisecond) // in which it would have run for ten
			require.Equal(t, before, ticksOf(t, process.Pid()))
			require.NoError(t, group.Freeze(), "it is frozen already")

			require.NoError(t, group.Thaw())

			requireFrozen(t, group, false)
			testbed.Eventually(t, "the process to go on", func() bool { return ticksOf(t, process.Pid()) > before })
			require.NoError(t, group.Thaw(), "it is thawed already")
		})
	}
}

func requireFrozen(t *testing.T, group *Group, want bool) {
	t.Helper()
	testbed.Eventually(t, "the group to be frozen: "+strconv.FormatBool(want), func() bool {
		frozen, err := group.Frozen()
		require.NoError(t, err)
		return frozen == want
	})
}

// ticksOf returns the cpu time of a process.
func ticksOf(t *testing.T, pid int) uint64 {
	t.Helper()
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/schedstat")
	require.NoError(t, err)
	ticks, err := parseDigits(string(content[:indexOf(content, ' ')]))
	require.NoError(t, err)
	return ticks
}

func indexOf(content []byte, wanted byte) int {
	for index, one := range content {
		if one == wanted {
			return index
		}
	}
	return len(content)
}

func TestEmptyGroupCanBeFrozen(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, nil)

			require.NoError(t, group.Freeze())
			requireFrozen(t, group, true)
			require.NoError(t, group.Thaw())
		})
	}
}

// One that does not stop in time is thawed again: nobody would know that it is half
// frozen.
func TestGroupThatDoesNotFreezeGoesOn(t *testing.T) {
	group := fakeGroup(t, 2, map[string]string{"cgroup.freeze": "0\n", "cgroup.events": "populated 1\nfrozen 0\n"})

	err := group.freeze(20 * time.Millisecond)

	require.ErrorContains(t, err, "have not stopped")
	require.Equal(t, "0", fileOf(t, group.parts[0].folder, "cgroup.freeze"))
}

// fakeGroup is a group in one folder with these files.
func fakeGroup(t *testing.T, version int, files map[string]string) *Group {
	t.Helper()
	root := fakeFolder(t, files)
	hierarchy := &hierarchy{version: version, mountpoint: filepath.Dir(string(root)), own: filepath.Dir(string(root))}
	return &Group{name: "fake", steps: &steps{}, parts: []*part{{hierarchy: hierarchy, folder: root}}}
}

func TestWithoutAFreezerNothingFreezes(t *testing.T) {
	group := fakeGroup(t, 1, nil)

	require.ErrorContains(t, group.Freeze(), "freezer")
	require.NoError(t, group.Thaw())
	frozen, err := group.Frozen()
	require.NoError(t, err)
	require.False(t, frozen)
}

func TestKillEndsAll(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, nil)
			process := inGroup(t, group, "sh", "-c", "trap '' TERM; sleep 60 & sleep 60 & echo ready; wait")
			process.Expect("ready")
			own, other := os.Getpid(), testbed.Command{Path: "sleep", Args: []string{"60"}}.Start(t)

			require.NoError(t, group.Kill())

			require.Equal(t, 128+9, process.Wait().Code)
			pids, err := group.Pids()
			require.NoError(t, err)
			require.Empty(t, pids)
			require.Equal(t, own, os.Getpid())
			require.DirExists(t, "/proc/"+strconv.Itoa(other.Pid()), "what is not in the group lives on")
			require.NoError(t, group.Kill(), "there is nobody")
		})
	}
}

func TestKillEndsWhatIsFrozen(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, nil)
			process := inGroup(t, group, "sleep", "60")
			require.NoError(t, group.Freeze())

			require.NoError(t, group.Kill())

			require.Equal(t, 128+9, process.Wait().Code)
			requireFrozen(t, group, false)
		})
	}
}

// Each round of one that forks all the time finds others than the one before.
func TestKillEndsWhatForksAllTheTime(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, nil)
			process := inGroup(t, group, "sh", "-c", `echo ready; f() { sleep 0.01; f & f & }; while :; do (sleep 0.02 & sleep 0.01) & sleep 0.01; done`)
			process.Expect("ready")

			require.NoError(t, group.Kill())

			pids, err := group.Pids()
			require.NoError(t, err)
			require.Empty(t, pids)
		})
	}
}

// A container with a cgroup namespace of its own may make others in its group.
func TestGroupsBelowBelongToTheGroup(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, nil)
			var below []folder
			for _, part := range group.parts {
				inner := folder(part.folder.path("a/b"))
				require.NoError(t, os.MkdirAll(string(inner), 0o755))
				if part.version == 1 && part.has("cpuset") {
					require.NoError(t, inheritCPUSet(inner.above(), &steps{}))
					require.NoError(t, inheritCPUSet(inner, &steps{}))
				}
				below = append(below, inner)
			}
			process := inGroup(t, group, "sleep", "60")
			for _, inner := range below {
				require.NoError(t, (&steps{}).move(inner, process.Pid()))
			}

			pids, err := group.Pids()
			require.NoError(t, err)
			require.Equal(t, []int{process.Pid()}, pids)
			require.NoError(t, group.Kill())
			require.Equal(t, 128+9, process.Wait().Code)
			require.NoError(t, group.Remove())
			require.NoDirExists(t, string(group.parts[0].folder))
		})
	}
}
