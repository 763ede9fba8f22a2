package machine_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/testbed/machine"
)

func TestMain(m *testing.M) {
	if os.Getenv("TESTBED_INNER") == "probe" {
		probe()
		return
	}
	testbed.Main(m)
}

// probe looks from the first thread of the process, as the doctor does.
func probe() {
	before, _ := os.ReadFile("/proc/self/mountinfo")
	machine.Overlay()
	after, _ := os.ReadFile("/proc/self/mountinfo")
	fmt.Printf("%d mounts, unchanged: %v", bytes.Count(before, []byte("\n")), bytes.Equal(before, after))
}

func TestReportSaysHowToMendWhatIsMissing(t *testing.T) {
	var out bytes.Buffer

	err := machine.Report(&out, []machine.Check{
		{Name: "kernel", OK: true, Found: "Linux 6.1", Mend: "update"},
		{Name: "overlay", Found: "unknown", Mend: "modprobe overlay"},
		{Name: "AUFS", Found: "unknown", Mend: "use the VM", Optional: true},
	})

	require.EqualError(t, err, "missing: overlay")
	require.Equal(t, `ok  kernel                   Linux 6.1
NO  overlay                  unknown
                             -> modprobe overlay
-   AUFS                     unknown
                             -> use the VM
`, out.String())
}

func TestEveryCheckSaysWhatItFoundAndHowToMendIt(t *testing.T) {
	for _, check := range machine.All() {
		require.NotEmpty(t, check.Name)
		require.NotEmpty(t, check.Found, check.Name)
		require.NotContains(t, check.Found+check.Mend, "\n", check.Name)
		if !check.OK {
			require.NotEmpty(t, check.Mend, check.Name)
		}
	}
}

func TestLookingChangesNothing(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	namespaces := namespacesOfThreads(t)

	machine.All()

	after, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	testbed.Eventually(t, "every thread is in the namespaces of before", func() bool {
		return slices.Equal(namespaces, namespacesOfThreads(t))
	})
}

// The first thread of a process never ends: it must not be the one that gets the
// namespaces of a probe.
func TestLookingFromTheFirstThreadChangesNothing(t *testing.T) {
	tests, err := os.Executable()
	require.NoError(t, err)

	result := testbed.Command{Path: tests, Env: []string{"TESTBED_INNER=probe"}}.Run(t)

	require.Regexp(t, `^[1-9]\d* mounts, unchanged: true$`, result.Stdout)
}

// namespacesOfThreads returns the namespaces in which we have a thread.
func namespacesOfThreads(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/ns/*")
	require.NoError(t, err)
	var found []string
	for _, file := range files {
		// A thread may just have ended.
		if namespace, err := os.Readlink(file); err == nil && !strings.HasSuffix(file, "_for_children") {
			found = append(found, namespace)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestEveryKindOfNamespaceIsTried(t *testing.T) {
	testbed.Require(t, testbed.Root)
	var found []string
	for _, check := range machine.All() {
		if kind, ok := strings.CutSuffix(check.Name, " namespace"); ok {
			require.True(t, check.OK, "%+v", check)
			found = append(found, kind)
		}
	}

	require.ElementsMatch(t, []string{"UTS", "PID", "mount", "network", "IPC", "cgroup", "user", "time"}, found)
}

// As in a container: the hierarchy is there, and nobody may make a cgroup in it.
func TestControllerThatIsReadOnlyIsNone(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	_, path, _ := strings.Cut(machine.Controller("pids").Found, " at ")
	require.NoError(t, unix.Mount(path, path, "", unix.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(path, unix.MNT_DETACH)) })
	require.NoError(t, unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))

	check := machine.Controller("pids")

	require.False(t, check.OK)
	require.Contains(t, check.Found, "read-only")
	require.NotEmpty(t, check.Mend)
}

func TestIPTablesWithoutTheProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())

	check := machine.IPTables()

	require.False(t, check.OK)
	require.Equal(t, "apt-get install iptables", check.Mend)
}

func TestProgramsThatAreNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())

	require.Equal(t, machine.Check{
		Name: "QEMU", Found: "qemu-system-x86_64 is not in PATH", Mend: "apt-get install qemu-system-x86 (to test under other kernels)",
	}, machine.QEMU())
	require.False(t, machine.GoTool().OK)
}

// The file system of proc has no attributes of anybody's, and no new files either.
func TestAttributesAreThoseOfTheFileSystem(t *testing.T) {
	testbed.Require(t, testbed.Root)
	t.Setenv("TMPDIR", "/proc/self")

	check := machine.UserXattr()

	require.False(t, check.OK)
	require.NotEmpty(t, check.Found)

	folder := testbed.StateRoot(t)
	t.Setenv("TMPDIR", folder)
	require.NoError(t, unix.Mount("none", folder, "ramfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, 0)) })
	require.Contains(t, machine.UserXattr().Found, "not supported")
}

func TestSpaceIsCounted(t *testing.T) {
	check := machine.Space(t.TempDir())

	require.Regexp(t, `^\d+ MB free in /`, check.Found)
	require.False(t, machine.Space("/proc").OK, "which has none")
	require.True(t, machine.Space(filepath.Join(t.TempDir(), "not", "made", "yet")).OK)
}
