package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/final/cgroup"
	"mytinydocker/internal/testbed"
)

func limited(name string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.CgroupsPath = name
		s.Linux.Resources = &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: pointer(int64(20))}}
	}
}

func removeCgroup(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() {
		group, err := cgroup.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		require.NoError(t, err)
		require.NoError(t, group.Kill())
		require.NoError(t, group.Remove())
	})
}

func TestContainerIsInItsCgroupBeforeItIsToldAnything(t *testing.T) {
	name := requireCgroup(t)
	removeCgroup(t, name)
	for _, init := range []bool{false, true} {
		lockThread(t)
		spec := specOf(newRoot(t), "cat")
		limited(name)(spec)
		var seen []byte
		container, err := Start(spec, Options{Stdin: true, Init: init, Started: func(pid int) (err error) {
			seen, err = os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
			return err
		}})
		require.NoError(t, err)

		require.Contains(t, string(seen), name)
		group, err := cgroup.Open(name)
		require.NoError(t, err)
		pids, err := group.Pids()
		require.NoError(t, err)
		require.Contains(t, pids, container.Pid())
		if init {
			require.GreaterOrEqual(t, len(pids), 2)
		}
		stats, err := group.Stats()
		require.NoError(t, err)
		require.NotZero(t, stats)
		container.abandon()
		require.NoError(t, group.Remove())
	}
}

func TestExecIsInTheCgroupOfItsContainer(t *testing.T) {
	name := requireCgroup(t)
	removeCgroup(t, name)
	container := startSleeper(t, limited(name))
	options := container.options()
	options.Cgroup, options.Stdin = name, true

	started, err := Exec(shell("cat"), options)

	require.NoError(t, err)
	defer started.abandon()
	want, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", container.Pid()))
	require.NoError(t, err)
	got, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", started.Pid()))
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
	require.Contains(t, string(got), name)
}

func TestExecNeedsTheCgroupThatWasNamed(t *testing.T) {
	name := requireCgroup(t)
	container := startSleeper(t, nil)
	options := container.options()
	options.Cgroup = name

	_, err := Exec(shell("true"), options)

	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestContainerThatDoesNotStartLeavesNoCgroup(t *testing.T) {
	name := requireCgroup(t)
	removeCgroup(t, name)
	lockThread(t)
	spec := specOf(newRoot(t), "true")
	limited(name)(spec)
	spec.Process.Args = []string{"/no/such"}

	_, err := Start(spec, Options{})

	require.Error(t, err)
	_, err = cgroup.Open(name)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// We ourselves are more threads than a container may have to be allowed.
func TestFewProcessesAreEnough(t *testing.T) {
	name := requireCgroup(t)
	removeCgroup(t, name)
	for _, limit := range []int64{1, 2, 3} {
		lockThread(t)
		spec := specOf(newRoot(t), "")
		spec.Process.Args = []string{"/bin/true"}
		limited(name)(spec)
		spec.Linux.Resources.Pids.Limit = &limit
		container, err := Start(spec, Options{})
		require.NoError(t, err)
		group, err := cgroup.Open(name)
		require.NoError(t, err)

		stats, err := group.Stats()

		require.NoError(t, err)
		require.Equal(t, uint64(limit), stats.PidsLimit.Value)
		require.Equal(t, limit, *spec.Linux.Resources.Pids.Limit)
		everything(t, container)
		require.NoError(t, group.Remove())
	}
}

func TestEndOfInitIsToldAsSuch(t *testing.T) {
	lockThread(t)
	var container *os.Process
	_, err := Start(specOf(newRoot(t), "true"), Options{Started: func(pid int) (err error) {
		if container, err = os.FindProcess(pid); err == nil {
			err = container.Kill()
		}
		return err
	}})

	require.ErrorContains(t, err, "ended before its program ran")
}

// What is done with a process fails when there is none any more, and that is why.
func TestEndOfInitIsToldBeforeWhatComesOfIt(t *testing.T) {
	lockThread(t)
	_, err := Start(specOf(newRoot(t), "true"), Options{Started: func(pid int) error {
		require.NoError(t, unix.Kill(pid, unix.SIGKILL))
		// Its first thread is out of it before the others have ended.
		var err error
		testbed.Eventually(t, "init to leave its namespace", func() bool {
			_, err = os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
			return err != nil
		})
		return err
	}})

	require.ErrorContains(t, err, "ended before its program ran")
	require.NotErrorIs(t, err, os.ErrNotExist)
}
