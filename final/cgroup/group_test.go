package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// newGroup creates a group, which is killed and removed at the end of the test.
func newGroup(t *testing.T, resources *specs.LinuxResources) *Group {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	found, err := findHierarchies()
	require.NoError(t, err)
	return newGroupIn(t, found, resources)
}

func newGroupIn(t *testing.T, found *hierarchies, resources *specs.LinuxResources) *Group {
	t.Helper()
	group, err := found.create("tinydocker/"+testbed.Name(t), resources, nil)
	require.NoError(t, err)
	t.Cleanup(func() { removeGroup(t, group) })
	return group
}

func removeGroup(t *testing.T, group *Group) {
	t.Helper()
	require.NoError(t, group.Kill())
	require.NoError(t, group.Remove())
	require.NoError(t, group.Remove(), "it is gone already")
	for _, part := range group.parts {
		require.NoDirExists(t, string(part.folder))
	}
}

// inGroup starts a command that is in the group before it does anything.
func inGroup(t *testing.T, group *Group, command ...string) *testbed.Process {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	t.Cleanup(func() { writer.Close() }) // ends what reads its input
	process := testbed.Command{
		Path: "/bin/sh", Args: append([]string{"-c", `read -r go; exec "$@"`, "sh"}, command...), Stdin: reader,
	}.Start(t)
	require.NoError(t, group.Add(process.Pid()))
	_, err = writer.WriteString("go\n")
	require.NoError(t, err)
	return process
}

func box(t *testing.T) string {
	t.Helper()
	return testbed.Build(t, "mytinydocker/internal/base/box")
}

// partOf returns the folder in which a controller is.
func partOf(t *testing.T, group *Group, controller controller) folder {
	t.Helper()
	part, err := group.limitedBy(controller)
	require.NoError(t, err)
	return part.folder
}

func fileOf(t *testing.T, group folder, name string) string {
	t.Helper()
	text, err := group.read(name)
	require.NoError(t, err)
	return strings.TrimSuffix(text, "\n")
}

func TestProcessIsInEveryHierarchy(t *testing.T) {
	group := newGroup(t, nil)
	process := inGroup(t, group, "sleep", "60")

	memberships, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", process.Pid()))
	require.NoError(t, err)
	require.Equal(t, len(group.parts), strings.Count(string(memberships), "/"+group.name+"\n"), string(memberships))
	pids, err := group.Pids()
	require.NoError(t, err)
	require.Equal(t, []int{process.Pid()}, pids)
}

func TestProcessThatIsNoneIsRefused(t *testing.T) {
	group := newGroup(t, nil)

	require.Error(t, group.Add(0), "the kernel would take ourselves")
	require.Error(t, group.Add(-1))
	require.ErrorContains(t, group.Add(1<<30), "1073741824")
	pids, err := group.Pids()
	require.NoError(t, err)
	require.Empty(t, pids)
}

func TestNameThatLeadsElsewhereIsRefused(t *testing.T) {
	for _, name := range []string{"", ".", "..", "/x", "a/../b", "../x", "a//b", "a/", "a\nb"} {
		_, err := Create(name, nil, nil)
		require.Error(t, err, "%q", name)
		_, err = Open(name)
		require.ErrorContains(t, err, "name", "%q", name)
	}
}

func TestMemoryHogIsKilled(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupMemory)
	group := newGroup(t, memoryOf(m64, m64, 0))

	inGroup(t, group, box(t), "eat", "32m").Expect("ate 33554432")
	kills, err := group.OOMKills()
	require.NoError(t, err)
	require.Zero(t, kills)
	hog := inGroup(t, group, box(t), "eat", "128m").Wait()

	require.Equal(t, 128+9, hog.Code)
	require.Empty(t, hog.Stdout)
	kills, err = group.OOMKills()
	require.NoError(t, err)
	require.NotZero(t, kills)
}

func TestForkBombStops(t *testing.T) {
	group := newGroup(t, pidsOf(40))

	bomb := inGroup(t, group, box(t), "forkbomb").Wait()

	require.Zero(t, bomb.Code, bomb.Stderr)
	require.Regexp(t, `^forked \d\d?: .*(temporarily unavailable|not permitted)`, bomb.Stdout)
}

func TestBurnerIsThrottled(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupCPU)
	group := newGroup(t, cpuOf(10000, 50000, 512, "", ""))
	inGroup(t, group, box(t), "burn", "60")

	testbed.Eventually(t, "nr_throttled to grow", func() bool {
		values, err := partOf(t, group, cpu{}).values("cpu.stat")
		return err == nil && values["nr_throttled"] > 2
	})
	require.NoError(t, group.Kill())
}

func TestProcessKeepsToItsCPUs(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupCpuset)
	group := newGroup(t, cpuOf(0, 0, 0, "0", "0"))

	result := inGroup(t, group, "grep", "Cpus_allowed_list", "/proc/self/status").Wait()

	require.Equal(t, testbed.Result{Stdout: "Cpus_allowed_list:\t0\n"}, result)
}

func TestCPUThatIsNotThereIsRefused(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupCpuset)
	name := "tinydocker/" + testbed.Name(t)

	_, err := Create(name, cpuOf(0, 0, 0, "4095", ""), nil)

	require.ErrorContains(t, err, "4095")
	requireNowhere(t, name)
}

// requireNowhere checks that there is no folder of a group, nor one of those above.
func requireNowhere(t *testing.T, name string) {
	t.Helper()
	found, err := findHierarchies()
	require.NoError(t, err)
	for _, hierarchy := range found.all {
		_, err := find(hierarchy, name)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func TestDevicesAreDenied(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, &specs.LinuxResources{Devices: DefaultDevices()})

			allowed := inGroup(t, group, "head", "-c", "1", "/dev/zero").Wait()
			denied := inGroup(t, group, "head", "-c", "1", "/dev/kmsg").Wait()

			require.Zero(t, allowed.Code, allowed.Stderr)
			require.NotZero(t, denied.Code)
			require.Contains(t, strings.ToLower(denied.Stderr), "not permitted")
		})
	}
}

func TestNothingIsDeniedWithoutRules(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			for _, rules := range [][]specs.LinuxDeviceCgroup{nil, {denyAll, allow("a", -1, -1, "rwm")}} {
				group := newGroupIn(t, found, &specs.LinuxResources{Devices: rules})

				result := inGroup(t, group, "head", "-c", "0", "/dev/kmsg").Wait()
				require.Zero(t, result.Code, result.Stderr)
			}
		})
	}
}

func TestGroupInUseIsNotCreatedAgain(t *testing.T) {
	group := newGroup(t, pidsOf(7))
	inGroup(t, group, "sleep", "60")
	for _, part := range group.parts {
		require.NoError(t, os.Mkdir(part.folder.path("below"), 0o755))
	}

	_, err := Create(group.name, nil, nil)

	require.ErrorIs(t, err, fs.ErrExist)
	for _, part := range group.parts {
		require.DirExists(t, part.folder.path("below"), "it belongs to whoever is in it")
	}
	require.Equal(t, "7", fileOf(t, partOf(t, group, pids{}), "pids.max"))
}

// After a crash a group may be left, with limits, frozen, and with others in it.
func TestRestOfAGroupIsReplaced(t *testing.T) {
	old := newGroup(t, pidsOf(7))
	require.NoError(t, old.Freeze())
	below := folder(partOf(t, old, pids{}).path("below"))
	require.NoError(t, os.Mkdir(string(below), 0o755))

	group, err := Create(old.name, nil, nil)

	require.NoError(t, err)
	require.Equal(t, "max", fileOf(t, partOf(t, group, pids{}), "pids.max"))
	require.NoDirExists(t, string(below))
	frozen, err := group.Frozen()
	require.NoError(t, err)
	require.False(t, frozen)
	require.Zero(t, inGroup(t, group, "true").Wait().Code)
}

func TestLimitThatTheKernelRefusesLeavesNothing(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	name := "tinydocker/" + testbed.Name(t)

	_, err := Create(name, pidsOf(1<<62), nil)

	require.ErrorContains(t, err, "limit pids")
	requireNowhere(t, name)
	_, err = Open(name)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestLimitOfAMissingControllerIsAnError(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	found, err := findHierarchies()
	require.NoError(t, err)
	for index, one := range found.all {
		without := *one
		without.controllers = slices.DeleteFunc(slices.Clone(one.controllers), func(name string) bool { return name == "pids" })
		found.all[index] = &without
	}
	name := "tinydocker/" + testbed.Name(t)

	_, err = found.create(name, pidsOf(7), nil)

	require.ErrorContains(t, err, "the cgroup controller pids is missing")
	require.ErrorContains(t, err, "mount -t cgroup -o pids")
	requireNowhere(t, name)
	_, err = new(hierarchies).create(name, &specs.LinuxResources{Devices: DefaultDevices()}, nil)
	require.ErrorContains(t, err, "the cgroup controller devices is missing")
	group, err := new(hierarchies).create(name, nil, nil)
	require.NoError(t, err, "nothing is asked for")
	require.NoError(t, group.Kill())
	require.NoError(t, group.Remove())
}

func TestProcessIsBornInTheGroup(t *testing.T) {
	group := newGroup(t, pidsOf(100))
	directory, err := group.Directory()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	defer directory.Close()

	pid := bornIn(t, directory)

	memberships, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	require.NoError(t, err)
	require.Contains(t, string(memberships), "0::")
	require.Equal(t, 1, strings.Count(string(memberships), "/"+group.name+"\n"), string(memberships))
	require.NoError(t, group.AddRest(pid))
	memberships, err = os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	require.NoError(t, err)
	require.Equal(t, len(group.parts), strings.Count(string(memberships), "/"+group.name+"\n"), string(memberships))
}

// The caller of Open may live elsewhere than that of Create did, say in another login.
func TestGroupIsFoundFromElsewhere(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	found, err := findHierarchies()
	require.NoError(t, err)
	elsewhere := *found
	elsewhere.all = nil
	for _, one := range found.all {
		moved := *one
		moved.own = filepath.Join(one.own, "tinydocker-"+testbed.Name(t))
		require.NoError(t, os.Mkdir(moved.own, 0o755))
		t.Cleanup(func() { require.NoError(t, os.Remove(moved.own)) })
		if moved.has("cpuset") && moved.version == 1 {
			require.NoError(t, inheritCPUSet(folder(moved.own), &steps{}))
		}
		elsewhere.all = append(elsewhere.all, &moved)
	}
	group := newGroupIn(t, &elsewhere, nil)
	process := inGroup(t, group, "sleep", "60")

	opened, err := Open(group.name)

	require.NoError(t, err)
	require.Len(t, opened.parts, len(group.parts))
	pids, err := opened.Pids()
	require.NoError(t, err)
	require.Equal(t, []int{process.Pid()}, pids)
	// What a container names as it likes is not taken for a group of ours.
	for _, part := range group.parts {
		require.NoError(t, os.MkdirAll(part.folder.path("tinydocker/forged"), 0o755))
	}
	_, err = Open("tinydocker/forged")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Groups have a folder in common, which goes with the last of them.
func TestManyGroupsAtOnce(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	var waiting sync.WaitGroup
	common := "tinydocker-" + testbed.Name(t)
	failures := make(chan error, 200)
	for number := range 20 {
		waiting.Go(func() {
			for range 5 {
				group, err := Create(common+"/"+strconv.Itoa(number), pidsOf(10), nil)
				if err != nil {
					failures <- err
					continue
				}
				if err := group.Remove(); err != nil {
					failures <- err
				}
			}
		})
	}
	waiting.Wait()
	close(failures)

	for err := range failures {
		require.NoError(t, err)
	}
	requireNowhere(t, common)
}

func TestEmptyGroupIsRemovedAtOnce(t *testing.T) {
	group := newGroup(t, nil)
	removed, err := group.RemoveEmpty()
	require.NoError(t, err)
	require.True(t, removed)
	for _, part := range group.parts {
		require.NoDirExists(t, string(part.folder))
	}
	removed, err = group.RemoveEmpty()
	require.NoError(t, err, "it is gone already")
	require.True(t, removed)
}

// Who is killed between making the folder that groups have in common and its own leaves
// the one.
func TestEmptyParentIsRemoved(t *testing.T) {
	common := "tinydocker-" + testbed.Name(t)
	group, err := Create(common+"/one", nil, nil)
	require.NoError(t, err)
	require.NoError(t, RemoveEmptyParent(common))
	_, err = Open(common + "/one")
	require.NoError(t, err, "it is not empty")
	for _, part := range group.parts {
		require.NoError(t, os.Remove(string(part.folder)))
	}

	require.NoError(t, RemoveEmptyParent(common))

	requireNowhere(t, common)
	require.NoError(t, RemoveEmptyParent(common), "it is gone already")
	require.Error(t, RemoveEmptyParent("../x"))
}

func TestGroupThatIsNotEmptyIsNotRemovedAtOnce(t *testing.T) {
	group := newGroup(t, nil)
	process := inGroup(t, group, "sleep", "60")
	removed, err := group.RemoveEmpty()
	require.NoError(t, err)
	require.False(t, removed)
	pids, err := group.Pids()
	require.NoError(t, err)
	require.Equal(t, []int{process.Pid()}, pids)

	below := newGroup(t, nil)
	for _, part := range below.parts {
		require.NoError(t, os.Mkdir(filepath.Join(string(part.folder), "below"), 0o755))
	}
	removed, err = below.RemoveEmpty()
	require.NoError(t, err)
	require.False(t, removed)
}
