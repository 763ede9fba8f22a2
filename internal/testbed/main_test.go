package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestProcessHasNamespacesOfItsOwn(t *testing.T) {
	Require(t, Root)
	for _, kind := range []string{"mnt", "net", "ipc", "uts"} {
		// The supervisor of this test process is its parent.
		outer, err := os.Readlink("/proc/" + strconv.Itoa(os.Getppid()) + "/ns/" + kind)
		require.NoError(t, err)
		own, err := os.Readlink("/proc/self/ns/" + kind)
		require.NoError(t, err)
		require.NotEqual(t, outer, own)
	}
}

func TestMountInsideIsNotSeenOutside(t *testing.T) {
	Require(t, Root)
	target := StateRoot(t)
	require.NoError(t, unix.Mount("none", target, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(target, 0)) })

	file, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", os.Getppid()))
	require.NoError(t, err)
	defer file.Close()
	outside, err := mountinfo.GetMountsFromReader(file, nil)

	require.NoError(t, err)
	require.NotEmpty(t, outside)
	for _, mount := range outside {
		require.NotEqual(t, target, mount.Mountpoint)
	}
}

// A test binary that a test runs gets namespaces of its own, and so does one
// that finds the mark of another in its environment.
func TestMarkOfTheInsideIsNotInherited(t *testing.T) {
	Require(t, Root)
	require.NotContains(t, os.Environ(), inside+"="+os.Getenv(inside))
	own, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	for _, mark := range []string{"1", "1 /tmp", strconv.Itoa(os.Getpid())} {
		result := inner(t, "Namespace", inside+"="+mark).Run(t)

		require.Zero(t, result.Code, result.Stdout+result.Stderr)
		require.Contains(t, result.Stdout, "net:[")
		require.NotContains(t, result.Stdout, own)
	}
}

// The test process is no subreaper: as its children, orphans of the programs
// under test would stay zombies, and look alive to kill(2).
func TestOrphanIsReapedWhenItEnds(t *testing.T) {
	Require(t, Root)
	// The read ends when the shell's other end of the pipe has gone.
	result := Run(t, "sh", "-c", "sleep 0.01 >/dev/null & echo $!")
	pid, err := strconv.Atoi(strings.TrimSpace(result.Stdout))
	require.NoError(t, err)

	Eventually(t, "the orphan is reaped", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
}

func TestNothingIsLeftOfTestsThatDie(t *testing.T) {
	Require(t, Root)

	result := inner(t, "Dies").Run(t)

	require.Equal(t, 128+9, result.Code, result.Stdout)
	require.Contains(t, result.Stderr, "killed")
	require.NoDirExists(t, printed(t, result.Stdout, "folder"))
	pid, err := strconv.Atoi(printed(t, result.Stdout, "program"))
	require.NoError(t, err)
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

// A test that takes too long ends so, too.
func TestNothingIsLeftOfTestsThatPanic(t *testing.T) {
	Require(t, Root)

	result := inner(t, "Panics").Run(t)

	require.Equal(t, 2, result.Code, result.Stdout)
	require.Contains(t, result.Stderr, "panic: planted")
	require.NoDirExists(t, printed(t, result.Stdout, "folder"))
	pid, err := strconv.Atoi(printed(t, result.Stdout, "program"))
	require.NoError(t, err)
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestTestsDieWithTheirSupervisor(t *testing.T) {
	Require(t, Root)
	supervisor := inner(t, "Hangs").Start(t)
	supervisor.Expect("program ")
	supervisor.Expect("\n")
	tests := children(t, supervisor.Pid())
	require.Len(t, tests, 1)

	supervisor.Signal(syscall.SIGKILL)

	require.Equal(t, 128+9, supervisor.Wait().Code)
	Eventually(t, "the tests end", func() bool { return syscall.Kill(tests[0], 0) == syscall.ESRCH })
	// What the tests have made is left: to end that took a supervisor.
	require.NoError(t, os.RemoveAll(filepath.Dir(printed(t, supervisor.Wait().Stdout, "folder"))))
	program, err := strconv.Atoi(printed(t, supervisor.Wait().Stdout, "program"))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(program, syscall.SIGKILL))
}

func TestSignalReachesTheTests(t *testing.T) {
	Require(t, Root)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT} {
		supervisor := inner(t, "Hangs").Start(t)
		supervisor.Expect("program ")
		supervisor.Expect("\n")

		supervisor.Signal(signal)

		result := supervisor.Wait()
		if signal == syscall.SIGQUIT { // the Go runtime prints the goroutines and exits
			require.Equal(t, 2, result.Code)
			require.Contains(t, result.Stderr, "goroutine ")
		} else {
			require.Equal(t, 128+int(signal), result.Code)
		}
		require.NoDirExists(t, printed(t, result.Stdout, "folder"))
	}
}

// The flags by which `go test` has a test binary write files, and its folder,
// arrive where the tests run.
func TestFlagsAndFolderOfGoTest(t *testing.T) {
	Require(t, Root)
	log := filepath.Join(t.TempDir(), "testlog")
	command := inner(t, "Folder")
	command.Args = append(command.Args, "-test.testlogfile="+log)
	command.Dir = t.TempDir()

	result := command.Run(t)

	require.Zero(t, result.Code, result.Stdout+result.Stderr)
	require.Empty(t, result.Stderr)
	require.Equal(t, command.Dir, printed(t, result.Stdout, "cwd"))
	content, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(content), "open "+os.DevNull)
}

// printed returns the word that follows name in the output of an inner test.
func printed(t *testing.T, output, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(output, name+" ")
	require.True(t, found, output)
	word, _, _ := strings.Cut(rest, "\n")
	return word
}

func children(t *testing.T, pid int) []int {
	t.Helper()
	parents, err := parentsOfAll()
	require.NoError(t, err)
	var found []int
	for child, parent := range parents {
		if parent == pid {
			found = append(found, child)
		}
	}
	return found
}

func printNamespace(t testing.TB) {
	namespace, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	fmt.Println(namespace)
}

func printFolder(t testing.TB) {
	folder, err := os.Getwd()
	require.NoError(t, err)
	_, err = os.ReadFile(os.DevNull)
	require.NoError(t, err)
	fmt.Println("cwd", folder)
}

// hang, die and panicElsewhere each leave a folder and a program in a session of
// its own, which no signal to a process group reaches.
func hang(t testing.TB) {
	leaveBehind(t)
	select {}
}

func die(t testing.TB) {
	leaveBehind(t)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
	select {}
}

func panicElsewhere(t testing.TB) {
	leaveBehind(t)
	go panic("planted") // where no test recovers it
	select {}
}

func leaveBehind(t testing.TB) {
	program := exec.Command("sleep", "60")
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, program.Start())
	fmt.Println("folder", StateRoot(t))
	fmt.Println("program", program.Process.Pid)
}
