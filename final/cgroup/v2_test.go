package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/explain"
	"mytinydocker/internal/testbed"
)

// fakeTree is a folder that looks like a hierarchy of version 2: each cgroup with its
// processes, and with the controllers it has and those it passes on. That of the root
// has no type.
func fakeTree(t *testing.T, groups map[string][3]string) string {
	t.Helper()
	root := t.TempDir()
	for name, files := range groups {
		group := folder(filepath.Join(root, name))
		require.NoError(t, os.MkdirAll(string(group), 0o755))
		for index, file := range []string{"cgroup.procs", "cgroup.controllers", "cgroup.subtree_control"} {
			require.NoError(t, os.WriteFile(group.path(file), []byte(files[index]), 0o600))
		}
		if name != "." {
			require.NoError(t, os.WriteFile(group.path("cgroup.type"), []byte("domain\n"), 0o600))
		}
	}
	return root
}

// A cgroup that has processes may not pass controllers on, and we are one.
func TestGroupsAreMadeWhereControllersCanBePassedOn(t *testing.T) {
	tree := fakeTree(t, map[string][3]string{
		".": {"1\n", "cpu\n", "cpu\n"}, "slice": {"", "cpu\n", "cpu\n"}, "slice/scope": {"42\n", "cpu\n", ""}, "busy": {"7\n", "cpu\n", ""}, "busy/in": {"8\n", "cpu\n", ""},
	})
	base := func(mountpoint, own string) (folder, error) {
		return baseOf(&hierarchy{version: 2, mountpoint: filepath.Join(tree, mountpoint), own: filepath.Join(tree, own)}, []string{"cpu"})
	}
	for own, want := range map[string]string{".": ".", "slice": "slice", "slice/scope": "slice", "busy/in": "."} {
		got, err := base(".", own)
		require.NoError(t, err)
		require.Equal(t, folder(filepath.Join(tree, want)), got, own)
	}

	// In a cgroup namespace there is nothing above.
	_, err := base("busy", "busy/in")
	require.ErrorContains(t, err, "no internal processes")
	none, err := baseOf(&hierarchy{version: 2, mountpoint: filepath.Join(tree, "busy"), own: filepath.Join(tree, "busy/in")}, nil)
	require.NoError(t, err, "there is nothing to pass on")
	require.Equal(t, folder(filepath.Join(tree, "busy/in")), none)
}

func TestControllersArePassedOn(t *testing.T) {
	tree := folder(fakeTree(t, map[string][3]string{".": {"", "cpu memory pids hugetlb\n", "pids\n"}}))
	var log []string
	logged := &steps{log: func(step explain.Step) { log = append(log, step.String()) }}

	require.NoError(t, passOn(tree, []string{"cpu", "io", "memory", "pids"}, []string{"memory", "pids"}, logged))

	require.Equal(t, "+cpu +memory", fileOf(t, tree, "cgroup.subtree_control"))
	require.Equal(t, []string{"echo '+cpu +memory' > " + tree.path("cgroup.subtree_control")}, log)
	err := passOn(tree, []string{"io"}, []string{"io"}, logged)
	require.ErrorContains(t, err, "io", "one that is asked for must be there")
	require.NoError(t, passOn(tree, []string{"io"}, nil, logged))
}

func TestPathFromTheRoot(t *testing.T) {
	require.Equal(t, []folder{"/a", "/a/b"}, pathTo("/a", "/a/b/c"))
	require.Empty(t, pathTo("/a", "/a"))
}

// The kernel itself on what the fake is about. Of the controllers, cpu, cpuset and pids
// are free from the rule: they can be had by threads (cgroup-v2.rst).
func TestKernelDoesNotPassOnWhereProcessesAre(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupV2)
	group := newGroup(t, nil)
	inGroup(t, group, "sleep", "60")
	inner := group.parts[len(group.parts)-1].folder
	may, err := mayPassOn(inner)
	require.NoError(t, err)
	require.False(t, may)

	require.ErrorContains(t, passOn(inner, []string{"memory"}, []string{"memory"}, &steps{}), "pass the controller memory on")
	require.NoError(t, passOn(inner, []string{"memory"}, nil, &steps{}), "nobody insists")
	require.Empty(t, fileOf(t, inner, "cgroup.subtree_control"))
}

// What only a machine whose limits are those of version 2 can show.
func TestVersion2IsWholeByItself(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupV2)
	group := newGroup(t, memoryOf(m64, m64, 0))
	last := group.parts[len(group.parts)-1]
	require.Equal(t, 2, last.version)

	require.Equal(t, "67108864", fileOf(t, last.folder, "memory.max"))
	require.Equal(t, "1", fileOf(t, last.folder, "memory.oom.group"))
	for _, controller := range []string{"memory", "pids"} {
		require.Contains(t, strings.Fields(fileOf(t, last.folder, "cgroup.controllers")), controller)
	}
}

// Out of memory, a container ends as a whole.
func TestVersion2KillsTheWholeGroup(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupV2)
	group := newGroup(t, memoryOf(m64, m64, 0))
	bystander := inGroup(t, group, "sleep", "60")

	hog := inGroup(t, group, box(t), "eat", "128m").Wait()

	require.Equal(t, 128+9, hog.Code)
	require.Equal(t, 128+9, bystander.Wait().Code)
}

// The caller is a process: below its own cgroup, there could be no limits.
func TestVersion2IsUsedFromWithinAGroup(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupV2)
	found, err := findHierarchies()
	require.NoError(t, err)
	outer := newGroup(t, nil)
	inGroup(t, outer, "sleep", "60")
	nested := *found
	nested.all = nil
	for _, one := range found.all {
		inside := *one
		if one.version == 2 {
			inside.own = string(outer.parts[len(outer.parts)-1].folder)
		}
		nested.all = append(nested.all, &inside)
	}

	group := newGroupIn(t, &nested, pidsOf(40))

	require.Equal(t, "40", fileOf(t, partOf(t, group, pids{}), "pids.max"))
	require.Regexp(t, `^forked \d\d?: `, inGroup(t, group, box(t), "forkbomb").Wait().Stdout)
}
