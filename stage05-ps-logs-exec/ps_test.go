package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func recordPath(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(rootOf(t), "containers", name, "record.json")
}

func TestContainersAreListed(t *testing.T) {
	first := detached(t, []string{"--name", "first"}, "sh", "-c", "echo 'a  b'; exec sleep 1000")
	second := detached(t, []string{"--name", "second"}, "sh", "-c", "exit 3")
	waitForEnd(t, second)

	all := strings.Split(tool(t, "ps", "-a").Stdout, "\n")
	require.Regexp(t, `^NAME +IMAGE +COMMAND +CREATED +STATUS *$`, all[0])
	require.Regexp(t, `^second +base +"sh -c 'exit 3'" +\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d +Exited \(3\)$`, all[1], "the newest first")
	require.Regexp(t, `^first +base +"sh -c 'echo '\\''a  b'\\''; exec sleep 1000'" +.* +Up$`, all[2])
	running := tool(t, "ps").Stdout
	require.Contains(t, running, first)
	require.NotContains(t, running, second)
}

func TestNoContainersAreAnEmptyList(t *testing.T) {
	rootOf(t)

	require.Equal(t, testbed.Result{Stdout: "NAME   IMAGE   COMMAND   CREATED   STATUS\n"}, tool(t, "ps", "-a"))
}

// Ancestors of this program print what they have once written down.
func TestDeathOfAContainerIsSeen(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	require.Equal(t, "Up", statusOf(t, name))

	require.NoError(t, syscall.Kill(pidOf(t, name), syscall.SIGKILL))
	waitForEnd(t, name)

	testbed.Eventually(t, "the status to be written down", func() bool { return statusOf(t, name) == "Exited (137)" })
	require.NotContains(t, tool(t, "ps").Stdout, name)
}

// After a restart of the machine, or some thousand processes later, the number
// means somebody else.
func TestNumberOfAnotherProcessIsNotTheContainer(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	record, err := loadRecord(rootOf(t), name)
	require.NoError(t, err)
	container, monitor := record.Process, record.Monitor
	record.Process.PID = os.Getpid()
	record.Monitor.PID = os.Getpid()
	require.NoError(t, record.save(rootOf(t)))

	require.Equal(t, "Exited", statusOf(t, name))
	require.Equal(t, 125, tool(t, "exec", name, "true").Code)
	require.Equal(t, 125, tool(t, "stop", name).Code)

	record.Process, record.Monitor = container, monitor
	require.NoError(t, record.save(rootOf(t)))
	require.Equal(t, "Up", statusOf(t, name))
}

func TestDamagedRecordHarmsOnlyItsContainer(t *testing.T) {
	good, bad := detached(t, nil, "sleep", "1000"), detached(t, []string{"--name", "bad"}, "sh", "-c", "exit 0")
	waitForEnd(t, bad)
	require.Eventually(t, func() bool { return statusOf(t, bad) == "Exited (0)" }, 10*time.Second, 10*time.Millisecond)
	content, err := os.ReadFile(recordPath(t, bad))
	require.NoError(t, err)
	for _, damaged := range []string{string(content[:len(content)/2]), "", "{}", `{"Process":{"PID":1}}`} {
		require.NoError(t, os.WriteFile(recordPath(t, bad), []byte(damaged), 0o600))

		require.Equal(t, "Up", statusOf(t, good))
		require.Equal(t, "Damaged", statusOf(t, bad), damaged)
		require.NotContains(t, tool(t, "ps").Stdout, bad)
		for _, args := range [][]string{{"logs", bad}, {"stop", bad}, {"rm", bad}, {"exec", bad, "true"}} {
			result := tool(t, args[0], args[1:]...)
			require.Equal(t, 125, result.Code, args)
			requireOneLine(t, result.Stderr)
		}
	}
	require.Equal(t, testbed.Result{Stdout: bad + "\n"}, tool(t, "rm", "-f", bad))
	require.Empty(t, statusOf(t, bad))
	require.Equal(t, "Up", statusOf(t, good))
}

// A container that is being made, or was when its program was killed, is a folder
// without a record.
func TestRecordIsTrustedOnlyAsAWhole(t *testing.T) {
	root := t.TempDir()
	whole := &Record{Name: "web", Process: Process{PID: 7, StartTime: 1}, Monitor: Process{PID: 6, StartTime: 1}}
	file := recordFile(root, "web")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, whole.save(root))
	record, err := loadRecord(root, "web")
	require.NoError(t, err)
	require.Equal(t, whole, record)

	for _, damaged := range []string{
		"", "{}", "null", `{"Name":"web","Process":{"PID":7}`, `{"Name":"web","Process":{"PID":7}}`, `{"Name":"web","Monitor":{"PID":6}}`,
		`{"Name":"db","Process":{"PID":7},"Monitor":{"PID":6}}`, `{"Name":"web","Process":{"PID":-1},"Monitor":{"PID":6}}`,
	} {
		require.NoError(t, os.WriteFile(file, []byte(damaged), 0o600))
		_, err := loadRecord(root, "web")
		require.ErrorIs(t, err, errDamaged, damaged)
	}
	require.NoError(t, os.Remove(file))
	_, err = loadRecord(root, "web")
	require.ErrorIs(t, err, errDamaged)
	for _, name := range []string{"nosuch", "../containers/web", ""} {
		_, err := loadRecord(root, name)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, errDamaged, name)
	}
}

func TestFolderWithoutARecordCanBeRemoved(t *testing.T) {
	require.NoError(t, os.MkdirAll(filepath.Join(rootOf(t), "containers/half/merged"), 0o700))

	require.Equal(t, "Damaged", statusOf(t, "half"))
	require.Equal(t, 125, tool(t, "rm", "half").Code)
	require.Zero(t, tool(t, "rm", "-f", "half").Code)
	require.NoDirExists(t, filepath.Join(rootOf(t), "containers/half"))
}
