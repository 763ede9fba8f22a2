package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRunTellsOutputErrorAndStatus(t *testing.T) {
	result := Run(t, "sh", "-c", "echo out; echo err >&2; exit 7")

	require.Equal(t, Result{Stdout: "out\n", Stderr: "err\n", Code: 7}, result)
}

func TestDeathBySignalIsACode(t *testing.T) {
	require.Equal(t, 128+15, Run(t, "sh", "-c", "kill -TERM $$").Code)
}

func TestCommandHasNoInputUnlessItIsGiven(t *testing.T) {
	require.Equal(t, Result{}, Run(t, "cat"))
	require.Equal(t, Result{Stdout: "hello"}, Command{Path: "cat", Stdin: strings.NewReader("hello")}.Run(t))
}

func TestExpectFollowsTheOutput(t *testing.T) {
	running := Command{Path: "sh", Args: []string{"-c", `echo one; trap "echo three; exit 3" USR1; echo two; while :; do sleep 0.01; done`}}.Start(t)

	require.Equal(t, "one\ntwo", running.Expect("two"))
	running.Signal(syscall.SIGUSR1)
	require.Equal(t, "\nthree", running.Expect("three"))
	require.Equal(t, 3, running.Wait().Code)
}

func TestProgramOfATestEndsWithIt(t *testing.T) {
	var pid int
	t.Run("inner", func(t *testing.T) {
		pid = Command{Path: "sleep", Args: []string{"60"}}.Start(t).Pid()
	})

	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestTerminalIsOne(t *testing.T) {
	terminal := Command{Path: "sh", Args: []string{"-c", "stty size; stty -echo; echo ready; read -r line; echo got $line"}}.Terminal(t)

	terminal.Expect("24 80")
	terminal.Expect("ready")
	require.Zero(t, terminal.Attributes().Lflag&unix.ECHO)
	terminal.Send("hello\n")
	terminal.Expect("got hello")
	require.Zero(t, terminal.Wait().Code)
}

func TestTerminalSendsInterruptsAndItsSize(t *testing.T) {
	terminal := Command{Path: "sh", Args: []string{"-c", `trap "stty size" WINCH; trap "exit 3" INT; echo ready; while :; do sleep 0.01; done`}}.Terminal(t)
	terminal.Expect("ready")

	terminal.Resize(100, 30)
	terminal.Expect("30 100")
	terminal.Send("\x03")

	require.Equal(t, 3, terminal.Wait().Code)
}

func TestBuildBuildsOnce(t *testing.T) {
	t.Setenv("TESTBED_BINARIES", "")
	path := Build(t, "mytinydocker/internal/sweep")

	require.Equal(t, path, Build(t, "mytinydocker/internal/sweep"))
	require.Equal(t, "sweep", filepath.Base(path))
	require.FileExists(t, path)
}

func TestBuildTakesWhatIsBuiltAlready(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TESTBED_BINARIES", folder)
	prebuilt := filepath.Join(folder, "machine")
	require.NoError(t, os.WriteFile(prebuilt, nil, 0o755))

	require.Equal(t, prebuilt, Build(t, "mytinydocker/internal/testbed/machine"))
}

func TestNamesDiffer(t *testing.T) {
	first, second := Name(t), Name(t)
	require.NotEqual(t, first, second)
	require.Regexp(t, `^[a-z0-9][a-z0-9_.-]+$`, Name(t))
}

// recorder is a test whose failure is what the test wants to see.
type recorder struct {
	testing.TB
	errors   []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestStateRootIsPrivateAndGoesAway(t *testing.T) {
	recorded := &recorder{TB: t}
	root := StateRoot(recorded)
	info, err := os.Stat(root)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	recorded.cleanups[0]()

	require.NoDirExists(t, root)
	require.Empty(t, recorded.errors)
}

// Removing a tree through a mount removes what is mounted: that is how volumes
// have been lost.
func TestStateRootIsNotRemovedThroughAMount(t *testing.T) {
	Require(t, Root)
	recorded := &recorder{TB: t}
	root := StateRoot(recorded)
	precious := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(precious, nil, 0o600))
	target := filepath.Join(root, "volume")
	require.NoError(t, os.Mkdir(target, 0o700))
	require.NoError(t, unix.Mount(filepath.Dir(precious), target, "", unix.MS_BIND, ""))

	recorded.cleanups[0]()

	require.FileExists(t, precious)
	require.NoDirExists(t, root)
	require.Len(t, recorded.errors, 1)
	require.Contains(t, recorded.errors[0], target)
}
