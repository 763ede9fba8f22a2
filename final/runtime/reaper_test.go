package runtime

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// startReaped starts a container whose first process is ours.
func startReaped(t *testing.T, spec *specs.Spec) *Container {
	t.Helper()
	lockThread(t)
	container, err := Start(spec, Options{Init: true, Stdin: true})
	require.NoError(t, err)
	t.Cleanup(func() { container.abandon() })
	return container
}

// firstLine returns the first line that the program has printed, byte by byte: what
// comes later is for somebody else.
func firstLine(t *testing.T, from io.Reader) string {
	t.Helper()
	var line []byte
	for next := make([]byte, 1); ; line = append(line, next[0]) {
		if _, err := io.ReadFull(from, next); err != nil || next[0] == '\n' {
			require.NoError(t, err)
			return string(line)
		}
	}
}

func TestReaperEndsAsItsProgramDoes(t *testing.T) {
	root := newRoot(t)
	for command, want := range map[string]int{"true": 0, "exit 7": 7, "kill -9 $$": 137, "kill -15 $$": 143} {
		container := startReaped(t, specOf(root, "test $$ = 2 && "+command))
		status, err := container.Wait()
		require.NoError(t, err)
		require.Equal(t, want, status, command)
	}
}

func TestReaperReportsWhyAProgramCannotBeExecuted(t *testing.T) {
	root := newRoot(t)
	lockThread(t)
	for program, want := range map[string]int{"/no/such": 127, "nosuch": 127, "/etc": 126} {
		spec := specOf(root, "")
		spec.Process.Args = []string{program}
		_, err := Start(spec, Options{Init: true})
		require.Equal(t, want, startError(err).Status, program)
	}
}

func TestReaperForwardsSignals(t *testing.T) {
	container := startReaped(t, specOf(newRoot(t), `trap 'echo term; exit 3' TERM; trap 'echo user' USR1; echo ready; while :; do sleep 0.02; done`))
	require.Equal(t, "ready", firstLine(t, container.Stdout))

	require.NoError(t, container.Signal(unix.SIGUSR1))
	require.Equal(t, "user", firstLine(t, container.Stdout))
	require.NoError(t, container.Signal(unix.SIGTERM))
	require.Equal(t, "term", firstLine(t, container.Stdout))

	status, err := container.Wait()
	require.NoError(t, err)
	require.Equal(t, 3, status)
}

// A program that does not wait for its children's children would collect them as
// zombies, if it were the first process.
func TestReaperReapsOrphans(t *testing.T) {
	container := startReaped(t, specOf(newRoot(t), `(sleep 0.01 & echo $!); echo ready; cat`))
	orphan := firstLine(t, container.Stdout)
	require.Equal(t, "ready", firstLine(t, container.Stdout))

	testbed.Eventually(t, "the orphan to be reaped", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root/proc/%s", container.Pid(), orphan))
		return os.IsNotExist(err)
	})
}

// The first process lives as long as the container, so it has nothing that its
// program has not: no right, no file, and no place outside.
func TestReaperHasNoMoreThanItsProgram(t *testing.T) {
	spec := specOf(newRoot(t), "echo ready; cat")
	spec.Process.User = specs.User{UID: 1000, GID: 1001}
	spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}}
	container := startReaped(t, spec)
	require.Equal(t, "ready", firstLine(t, container.Stdout))

	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", container.Pid()))
	require.NoError(t, err)
	require.Contains(t, string(status), "Uid:\t1000\t1000\t1000\t1000\n")
	require.Contains(t, string(status), "Gid:\t1001\t1001\t1001\t1001\n")
	require.Contains(t, string(status), "Groups:\t \n")
	require.Zero(t, maskIn(t, status, "CapPrm"))
	require.Equal(t, uint64(1<<unix.CAP_CHOWN), maskIn(t, status, "CapBnd"))
	require.Contains(t, string(status), "Threads:\t1\n")
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", container.Pid()))
	require.NoError(t, err)
	require.Empty(t, files)
	for _, place := range []string{"root", "cwd"} {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s/proc/%d", container.Pid(), place, 1))
		require.NoError(t, err, place)
		require.NotEmpty(t, entries)
		_, err = os.Stat(fmt.Sprintf("/proc/%d/%s/proc/%d", container.Pid(), place, container.Pid()))
		require.ErrorIs(t, err, os.ErrNotExist, "%s is the host's", place)
	}
}

func TestReapedProgramHasItsTerminal(t *testing.T) {
	lockThread(t)
	spec := specOf(newRoot(t), `cut -d' ' -f1,5,6,8 /proc/$$/stat; trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.02; done`)
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance", "ptmxmode=0666"}})
	spec.Process.Terminal = true
	container, err := Start(spec, Options{Init: true})
	require.NoError(t, err)
	defer container.Console.Close()
	// Its group, its session and the group in the foreground are its own.
	require.Equal(t, "2 2 2 2\r", firstLine(t, container.Console))
	require.Equal(t, "ready\r", firstLine(t, container.Console))

	_, err = container.Console.Write([]byte{3}) // Ctrl-C
	require.NoError(t, err)
	rest, _ := io.ReadAll(container.Console) // ends in EIO
	status, err := container.Wait()

	require.NoError(t, err)
	require.Equal(t, 5, status)
	require.Equal(t, 1, strings.Count(string(rest), "interrupted"), "%q", rest)
}

func TestExecJoinsAReapedContainer(t *testing.T) {
	reaped := startReaped(t, specOf(newRoot(t), "cat"))
	container := running{Container: reaped, pidfd: pidfdOf(t, reaped.Pid())}

	output, status, err := container.exec(t, shell("cut -d' ' -f1 /proc/1/stat"))

	require.NoError(t, err)
	require.Zero(t, status)
	require.Equal(t, "1\n", output)
}
