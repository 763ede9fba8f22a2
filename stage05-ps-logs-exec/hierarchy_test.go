package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHierarchiesAreFoundWhereverTheyAre(t *testing.T) {
	for name, test := range map[string]struct {
		mountinfo, cgroup string
		want              []Hierarchy
	}{
		"v1, one hierarchy for each": {
			`31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 master:1 - cgroup cgroup rw,memory
`,
			"4:memory:/group/nested\n1:cpu:/\n0::/\n",
			[]Hierarchy{
				{Version: 1, Mountpoint: "/sys/fs/cgroup/cpu", Own: "/sys/fs/cgroup/cpu", Subsystems: []string{"cpu"}},
				{Version: 1, Mountpoint: "/sys/fs/cgroup/memory", Own: "/sys/fs/cgroup/memory/group/nested", Subsystems: []string{"memory"}},
			},
		},
		"v1, two in one hierarchy": {
			"30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n",
			"5:cpu,cpuacct:/user.slice\n",
			[]Hierarchy{{
				Version: 1, Mountpoint: "/sys/fs/cgroup/cpu,cpuacct", Own: "/sys/fs/cgroup/cpu,cpuacct/user.slice", Subsystems: []string{"cpu", "cpuacct"},
			}},
		},
		"v2": {
			"24 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
			"0::/user.slice/session-1.scope\n",
			[]Hierarchy{{Version: 2, Mountpoint: "/sys/fs/cgroup", Own: "/sys/fs/cgroup/user.slice/session-1.scope"}},
		},
		"in a container that sees its own part only": {
			"32 31 0:29 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n",
			"8:pids:/docker/abc/below\n",
			[]Hierarchy{{Version: 1, Mountpoint: "/sys/fs/cgroup/pids", Own: "/sys/fs/cgroup/pids/below", Subsystems: []string{"pids"}}},
		},
		"a mount point with a space": {
			`32 31 0:29 / /mnt/a\040cgroup rw - cgroup cgroup rw,pids` + "\n",
			"8:pids:/\n",
			[]Hierarchy{{Version: 1, Mountpoint: "/mnt/a cgroup", Own: "/mnt/a cgroup", Subsystems: []string{"pids"}}},
		},
		"a mount point with a space that ends no field": {
			"32 31 0:29 / /mnt/a\u00a0cgroup rw - cgroup cgroup rw,pids\n",
			"8:pids:/\n",
			[]Hierarchy{{Version: 1, Mountpoint: "/mnt/a\u00a0cgroup", Own: "/mnt/a\u00a0cgroup", Subsystems: []string{"pids"}}},
		},
		"beside a mount whose source is empty": {
			"31 23 0:28 / /mnt rw - tmpfs  rw\n32 31 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
			"8:pids:/\n",
			[]Hierarchy{{Version: 1, Mountpoint: "/sys/fs/cgroup/pids", Own: "/sys/fs/cgroup/pids", Subsystems: []string{"pids"}}},
		},
		"mounted twice: the first counts": {
			"32 31 0:29 / /one rw - cgroup cgroup rw,pids\n33 31 0:29 / /two rw - cgroup cgroup rw,pids\n",
			"8:pids:/\n",
			[]Hierarchy{{Version: 1, Mountpoint: "/one", Own: "/one", Subsystems: []string{"pids"}}},
		},
		"named hierarchies have no subsystem": {
			"32 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
			"1:name=systemd:/\n",
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := parseHierarchies(test.mountinfo, test.cgroup)

			require.NoError(t, err)
			require.Equal(t, test.want, found)
		})
	}
}

func TestLineThatIsNoMountIsAnError(t *testing.T) {
	for _, line := range []string{"x", "32 31 0:29 / /cgroup rw", "32 31 0:29 / /cgroup rw - cgroup"} {
		_, err := parseHierarchies(line+"\n", "")

		require.Error(t, err, line)
	}
}
