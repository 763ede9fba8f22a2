package cgroup

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"mytinydocker/final/explain"
	"mytinydocker/internal/testbed"
)

// What is printed is what a person can type: a shell that runs it makes the same.
func TestShellCanDoTheSame(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids, testbed.CgroupMemory)
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("requires a shell that writes a line in one go:", err)
	}
	resources := memoryOf(m64, 2*m64, 0)
	resources.Pids = pidsOf(30).Pids
	if found, err := findHierarchies(); err == nil && found.with("devices") != nil {
		resources.Devices = DefaultDevices()
	}
	var lines []string
	name := "tinydocker/" + testbed.Name(t)
	group, err := Create(name, resources, func(step explain.Step) { lines = append(lines, step.String()) })
	require.NoError(t, err)
	group.Explain(nil)
	before := settingsOf(t, group)
	devices := deviceLists(t, group)
	t.Cleanup(func() { removeGroup(t, group) })
	require.NoError(t, group.Remove())

	script := "set -e\n" + strings.Join(lines, "\n") + "\n"
	result := testbed.Run(t, shell, "-c", script)

	require.Zero(t, result.Code, script+result.Stderr)
	require.Equal(t, before, settingsOf(t, group))
	require.Equal(t, devices, deviceLists(t, group))
}

func deviceLists(t *testing.T, group *Group) []string {
	t.Helper()
	var lists []string
	for _, part := range group.parts {
		if part.folder.has("devices.list") {
			lists = append(lists, fileOf(t, part.folder, "devices.list"))
		}
	}
	return lists
}

func TestStepsAreToldInTheirOrder(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	var lines []string
	group := newGroup(t, &specs.LinuxResources{})
	group.Explain(func(step explain.Step) { lines = append(lines, step.String()) })
	folder := string(partOf(t, group, pids{}))

	require.NoError(t, group.Update(pidsOf(9)))
	require.NoError(t, group.Add(inGroup(t, newGroup(t, nil), "sleep", "60").Pid()))
	require.NoError(t, group.Kill())
	require.NoError(t, group.Remove())

	require.Equal(t, "echo 9 > "+folder+"/pids.max", lines[0])
	require.Contains(t, lines, "rmdir "+folder)
	require.Contains(t, strings.Join(lines, "\n"), "> "+folder+"/cgroup.procs")
}

// How often the kernel had to be asked is of no interest.
func TestKillIsToldOnce(t *testing.T) {
	for name, found := range modes(t) {
		t.Run(name, func(t *testing.T) {
			group := newGroupIn(t, found, nil)
			inGroup(t, group, "sh", "-c", "sleep 60 & sleep 60 & echo ready; wait").Expect("ready")
			told := make(map[string]int)
			group.Explain(func(step explain.Step) { told[step.String()]++ })

			require.NoError(t, group.Kill())

			require.NotEmpty(t, told)
			for line, times := range told {
				require.Equal(t, 1, times, line)
			}
		})
	}
}
