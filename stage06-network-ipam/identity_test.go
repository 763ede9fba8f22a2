package main

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// The name of a program stands in the middle, and may be anything.
func TestStartTimeIsFoundBehindAnyName(t *testing.T) {
	const after = " S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 10"
	for _, name := range []string{"sh", "a b", ") S 1", "((", "\n", ""} {
		started, err := parseStartTime("7 (" + name + ")" + after)

		require.NoError(t, err, name)
		require.EqualValues(t, 4711, started, name)
	}
	for _, damaged := range []string{"", "7", "7 (sh)", "7 (sh) S 1 7", "7 (sh) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x 9 10"} {
		_, err := parseStartTime(damaged)

		require.Error(t, err, damaged)
	}
}

func TestProcessIsRecognised(t *testing.T) {
	command := exec.Command("sleep", "1000")
	require.NoError(t, command.Start())
	process, err := processOf(command.Process.Pid)
	require.NoError(t, err)
	requireAlive(t, true, process)
	requireAlive(t, false, Process{PID: process.PID, StartTime: process.StartTime - 1})
	requireAlive(t, false, Process{PID: os.Getpid(), StartTime: process.StartTime})

	require.NoError(t, command.Process.Kill())
	testbed.Eventually(t, "it to be a zombie", func() bool { return stat(t, process.PID)[0] == "Z" })
	requireAlive(t, false, process)
	require.Error(t, command.Wait(), "it was killed")
	requireAlive(t, false, process)
}

func requireAlive(t *testing.T, want bool, process Process) {
	t.Helper()
	alive, err := process.alive()
	require.NoError(t, err)
	require.Equal(t, want, alive)
}

func TestEndOfAProcessIsWaitedFor(t *testing.T) {
	command := exec.Command("cat")
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	process, err := processOf(command.Process.Pid)
	require.NoError(t, err)
	open, err := process.open()
	require.NoError(t, err)
	defer open.Close()

	require.False(t, hasEnded(open, 20*time.Millisecond))
	require.NoError(t, stdin.Close())
	require.True(t, hasEnded(open, time.Minute))
	require.NoError(t, command.Wait())
}

func TestCommandIsPrintedAsItWouldBeTyped(t *testing.T) {
	for want, command := range map[string][]string{
		"sleep 1000":            {"sleep", "1000"},
		"sh -c 'echo a; exit'":  {"sh", "-c", "echo a; exit"},
		`echo '' 'it'\''s' a=b`: {"echo", "", "it's", "a=b"},
		`printf '\n' ünï`:       {"printf", "\n", "ünï"},
		`echo '\x1b[2J\u202e'`:  {"echo", "\x1b[2J\u202e"},
	} {
		require.Equal(t, want, quoteCommand(command))
	}
}
