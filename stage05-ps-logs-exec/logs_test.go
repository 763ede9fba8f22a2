package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestLogHoldsBothOutputsOfAFinishedContainer(t *testing.T) {
	name := detached(t, nil, "sh", "-c", "echo out; echo err >&2; printf 'no newline'")
	waitForEnd(t, name)

	require.Equal(t, testbed.Result{Stdout: "out\nerr\nno newline"}, tool(t, "logs", name))
	require.Equal(t, "out\nerr\nno newline", tool(t, "logs", "-f", name).Stdout, "there is nothing to follow")
}

func TestLogIsWhatTheProgramPrintedAndNothingElse(t *testing.T) {
	command := container(t, []string{"-d", "--name", "quiet"}, "sh", "-c", "head -c 3000000 /dev/zero")
	command.Args = append([]string{"--debug"}, command.Args...)
	require.Zero(t, command.Run(t).Code)
	t.Cleanup(func() { tool(t, "rm", "-f", "quiet") })
	waitForEnd(t, "quiet")

	require.Equal(t, string(make([]byte, 3_000_000)), tool(t, "logs", "quiet").Stdout)
}

func TestFollowingEndsWithTheContainer(t *testing.T) {
	name := detached(t, nil, "sh", "-c", `for word in one two three; do echo $word; until test -e /$word; do sleep 0.02; done; done`)
	following := toolCommand(t, "logs", "-f", name).Start(t)

	for _, word := range []string{"one", "two", "three"} {
		following.Expect(word + "\n")
		require.Zero(t, tool(t, "exec", name, "touch", "/"+word).Code)
	}

	require.Equal(t, testbed.Result{Stdout: "one\ntwo\nthree\n"}, following.Wait())
}

// Nobody is there to end it: the kernel has the container's end wake who follows.
func TestFollowingEndsWithAKilledContainer(t *testing.T) {
	name := detached(t, nil, "sh", "-c", "echo ready; exec sleep 60")
	following := toolCommand(t, "logs", "-f", name).Start(t)
	following.Expect("ready\n")

	require.Zero(t, tool(t, "rm", "-f", name).Code)

	require.Equal(t, testbed.Result{Stdout: "ready\n"}, following.Wait())
}
