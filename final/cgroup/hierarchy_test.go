package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// located parses both texts of the kernel's and brings them together.
func located(t testing.TB, mounts, memberships string) ([]*hierarchy, map[string]string) {
	t.Helper()
	infos, err := mountinfo.GetMountsFromReader(strings.NewReader(mounts), nil)
	require.NoError(t, err)
	members, err := parseMemberships(memberships)
	require.NoError(t, err)
	var all hierarchies
	found := all.locate(infos, members)
	return found, all.problems
}

func TestHierarchiesAreFoundWhereverTheyAre(t *testing.T) {
	for name, test := range map[string]struct {
		mounts, memberships string
		want                []*hierarchy
	}{
		"v1, one for each, nested in one": {
			`32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 master:1 - cgroup cgroup rw,memory
`,
			"4:memory:/group/nested\n1:cpu:/\n",
			[]*hierarchy{
				{version: 1, mountpoint: "/sys/fs/cgroup/memory", own: "/sys/fs/cgroup/memory/group/nested", controllers: []string{"memory"}},
				{version: 1, mountpoint: "/sys/fs/cgroup/cpu", own: "/sys/fs/cgroup/cpu", controllers: []string{"cpu"}},
			},
		},
		"v1, two that are mounted together, in another order": {
			"30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,xattr,cpu,cpuacct\n",
			"5:cpuacct,cpu:/user.slice\n",
			[]*hierarchy{{
				version: 1, mountpoint: "/sys/fs/cgroup/cpu,cpuacct", own: "/sys/fs/cgroup/cpu,cpuacct/user.slice", controllers: []string{"cpuacct", "cpu"},
			}},
		},
		"v2": {
			"24 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
			"0::/user.slice/session-1.scope\n",
			[]*hierarchy{{version: 2, mountpoint: "/sys/fs/cgroup", own: "/sys/fs/cgroup/user.slice/session-1.scope"}},
		},
		"a container that sees its own part": {
			"32 31 0:29 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n",
			"8:pids:/docker/abc/below\n",
			[]*hierarchy{{version: 1, mountpoint: "/sys/fs/cgroup/pids", own: "/sys/fs/cgroup/pids/below", controllers: []string{"pids"}}},
		},
		"the mount that shows our cgroup": {
			"32 31 0:29 /other /one rw - cgroup cgroup rw,pids\n33 31 0:29 / /two rw - cgroup cgroup rw,pids\n",
			"8:pids:/mine\n",
			[]*hierarchy{{version: 1, mountpoint: "/two", own: "/two/mine", controllers: []string{"pids"}}},
		},
		"hierarchies without a controller are nobody's": {
			"32 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
			"1:name=systemd:/\n",
			nil,
		},
		"a path with a colon, a mount point with a space": {
			`32 31 0:29 / /mnt/a\040cgroup rw - cgroup cgroup rw,pids` + "\n",
			"8:pids:/a:b c\n",
			[]*hierarchy{{version: 1, mountpoint: "/mnt/a cgroup", own: "/mnt/a cgroup/a:b c", controllers: []string{"pids"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := located(t, test.mounts, test.memberships)

			require.Equal(t, test.want, found)
			require.Empty(t, problems)
		})
	}
}

// A cgroup that cannot be reached is worse than none: what is made elsewhere would
// escape from whoever has limited us.
func TestHierarchyThatDoesNotShowOurCgroupIsNotUsed(t *testing.T) {
	for name, test := range map[string]struct{ mounts, memberships, reason string }{
		"a part that is not ours": {
			"32 31 0:29 /docker/ab /p rw - cgroup cgroup rw,pids\n", "8:pids:/docker/abc\n", "/docker/abc",
		},
		"mounted before our cgroup namespace": {"32 31 0:29 /.. /p rw - cgroup cgroup rw,pids\n", "8:pids:/\n", "mount it again"},
		"outside of our cgroup namespace":     {"32 31 0:29 / /p rw - cgroup cgroup rw,pids\n", "8:pids:/../x\n", "/../x"},
		"not mounted":                         {"", "8:pids:/\n", "not mounted"},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := located(t, test.mounts, test.memberships)

			require.Empty(t, found)
			require.Contains(t, problems["pids"], test.reason)
		})
	}
}

func TestLineThatIsNoMembershipIsAnError(t *testing.T) {
	for _, text := range []string{"x\n", "1:cpu\n", "a:cpu:/\n", "-1:cpu:/\n", "1:cpu:relative\n", "1::/\n", "0:cpu:/\n", "1:cpu,:/\n", "\n", "1:cpu:/"} {
		_, err := parseMemberships(text)

		require.Error(t, err, "%q", text)
	}
	none, err := parseMemberships("")
	require.NoError(t, err, "a kernel may have no cgroups at all")
	require.Empty(t, none)
}

func FuzzMemberships(f *testing.F) {
	f.Add("9:name=systemd:/\n8:pids:/a:b\n5:cpu,cpuacct:/user.slice\n0::/../x (deleted)\n")
	f.Fuzz(func(t *testing.T, text string) {
		members, err := parseMemberships(text)
		if err != nil {
			require.Nil(t, members)
			return
		}
		infos := []*mountinfo.Info{{FSType: "cgroup", Root: "/a", Mountpoint: "/m", VFSOptions: "rw,cpu,pids"}, {FSType: "cgroup2", Root: "/", Mountpoint: "/n"}}
		found := new(hierarchies).locate(infos, members)
		for _, hierarchy := range found {
			rest, below := strings.CutPrefix(hierarchy.own+"/", hierarchy.mountpoint+"/")
			require.True(t, below, hierarchy.own)
			require.False(t, strings.HasPrefix(rest, "../"), hierarchy.own)
		}
	})
}

func FuzzMountsAndMemberships(f *testing.F) {
	f.Add("32 31 0:29 /a /m rw - cgroup cgroup rw,pids\n", "8:pids:/a/b\n")
	f.Fuzz(func(t *testing.T, mounts, memberships string) {
		infos, err := mountinfo.GetMountsFromReader(strings.NewReader(mounts), nil)
		if err != nil {
			return
		}
		if members, err := parseMemberships(memberships); err == nil {
			new(hierarchies).locate(infos, members)
		}
	})
}

// What this machine says of itself must be understood.
func TestHierarchiesOfThisMachine(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)

	found, err := findHierarchies()

	require.NoError(t, err)
	require.NotEmpty(t, found.all)
	for _, hierarchy := range found.all {
		require.FileExists(t, filepath.Join(hierarchy.own, "cgroup.procs"))
	}
	require.NotNil(t, found.with("pids"))
	require.Nil(t, found.with("nosuch"))
}

// A folder is no cgroup because something else is mounted over one.
func TestCoveredHierarchyIsNotUsed(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	before, err := findHierarchies()
	require.NoError(t, err)
	covered := before.with("pids").mountpoint
	coverWithTmpfs(t, covered)

	found, err := findHierarchies()

	require.NoError(t, err)
	require.Nil(t, found.with("pids"))
	require.ErrorContains(t, found.missing("pids"), "pids")
	_, err = os.Stat(filepath.Join(covered, "cgroup.procs"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func coverWithTmpfs(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, 0)) })
}

func TestControllersAreNamedWithTheirVersion(t *testing.T) {
	found := &hierarchies{all: []*hierarchy{
		{version: 1, controllers: []string{"blkio", "net_cls"}}, {version: 2, controllers: []string{"memory", "hugetlb"}}, {version: 1, controllers: []string{"freezer"}},
	}}

	require.Equal(t, map[string]int{"blkio": 1, "memory": 2, "freezer": 1, "devices": 2}, found.controllers())
	require.Empty(t, new(hierarchies).controllers())
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	here, err := Controllers()
	require.NoError(t, err)
	require.Contains(t, here, "pids")
	require.Contains(t, here, "devices")
	require.Contains(t, here, "freezer")
}
