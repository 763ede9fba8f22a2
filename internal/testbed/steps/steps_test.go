package steps

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestStepsAreWhatOthersSee(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := t.TempDir()
	names := []string{filepath.Join(folder, "one"), filepath.Join(folder, "two"), filepath.Join(folder, "three")}

	outcome := Trial{Path: "/bin/mkdir", Args: append([]string{"-v"}, names...)}.Run(t)

	require.Zero(t, outcome.Code, outcome.Stderr)
	require.Contains(t, outcome.Stdout, "three")
	require.False(t, outcome.Killed)
	require.Len(t, outcome.Steps, 3)
	require.Equal(t, Step{Tool, "mkdir " + nameOf(folder) + "/two", 1}, outcome.Steps[1])
}

func TestVictimIsKilledAfterItsStep(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := t.TempDir()
	victim := Step{Tool, "mkdir " + nameOf(folder) + "/x", 2}

	outcome := Trial{Path: "/bin/mkdir", Args: []string{"-p", folder + "/x", folder + "/y", folder + "/x/z"}, Dir: "/", Victim: victim}.Run(t)
	require.False(t, outcome.Killed, "there is no such step")
	require.NoError(t, os.RemoveAll(folder+"/x"))
	require.NoError(t, os.RemoveAll(folder+"/y"))

	victim.Name, victim.Time = "mkdir "+nameOf(folder)+"/y", 1
	outcome = Trial{Path: "/bin/mkdir", Args: []string{folder + "/x", folder + "/y", folder + "/z"}, Victim: victim}.Run(t)
	require.True(t, outcome.Killed)
	require.Equal(t, 128+9, outcome.Code)
	require.DirExists(t, folder+"/y")
	require.NoDirExists(t, folder+"/z")
}

// A call that is refused is not done, and who asks for it gets the error. The calls are all
// that there are, and not only those that others see.
func TestCallIsRefused(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := t.TempDir()
	trial := Trial{Path: "/bin/mkdir", Args: []string{folder + "/x", folder + "/y", folder + "/z"}, Calls: []string{Tool}}

	whole := trial.Run(t)
	require.Zero(t, whole.Code, whole.Stderr)
	require.Contains(t, whole.Calls, Step{Tool, "openat /etc/ld.so.cache", 1})
	require.NotContains(t, whole.Steps, Step{Tool, "openat /etc/ld.so.cache", 1})
	refused := Step{Tool, "mkdir " + nameOf(folder) + "/y", 1}
	require.Contains(t, whole.Calls, refused)
	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.Mkdir(folder, 0o755))

	trial.Refused, trial.Error = refused, syscall.EXDEV
	outcome := trial.Run(t)
	require.True(t, outcome.Refused)
	require.Equal(t, 1, outcome.Code)
	require.Contains(t, outcome.Stderr, "Invalid cross-device link")
	require.NoDirExists(t, folder+"/y")
	require.DirExists(t, folder+"/z")
}

// Whoever is watched no more runs on.
func TestProcessThatRunsAlreadyIsWatched(t *testing.T) {
	testbed.Require(t, testbed.Root)
	parent := testbed.Command{Path: "sh", Args: []string{"-c", "sleep 1000 & echo $!; echo up; wait"}}.Start(t)
	pid, err := strconv.Atoi(strings.Fields(parent.Expect("up"))[0])
	require.NoError(t, err)

	Trial{Path: "/bin/true", Beside: []int{pid}}.Run(t)

	testbed.Eventually(t, "it sleeps again, and nobody watches", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return err == nil && strings.Contains(string(status), "TracerPid:\t0") && strings.Contains(string(status), "State:\tS")
	})
	require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	parent.Wait()
}

// nameOf is a path as the names of steps have it.
func nameOf(path string) string { return regexp.MustCompile("[0-9]+").ReplaceAllString(path, "#") }
