package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShellOwnsTheTerminal(t *testing.T) {
	terminal := container(t, []string{"-it"}, "sh").Terminal(t)

	terminal.Send("test -t 0 && echo on a $((1+1))-ended terminal\n")
	terminal.Expect("on a 2-ended terminal")
	terminal.Send("exit 5\n")

	require.Equal(t, 5, terminal.Wait().Code)
}

// Ctrl-C goes to the foreground process group of the terminal: to the sleep
// inside the container, not to the program that runs the container.
func TestInterruptGoesToTheForegroundProgram(t *testing.T) {
	terminal := container(t, []string{"-it"}, "sh").Terminal(t)

	terminal.Send("sh -c 'echo $((20+1)); exec sleep 1000'\n")
	terminal.Expect("21")
	terminal.Send("\x03")
	terminal.Send("echo still $((40+2))\n")
	terminal.Expect("still 42")
	terminal.Send("exit\n")

	terminal.Wait()
}

// After the container the caller's shell finds itself in the foreground again:
// it could not read from the terminal otherwise.
func TestTerminalIsGivenBack(t *testing.T) {
	command := container(t, []string{"-it"}, "true")
	script := `"$@"; read -r line; echo "got $line"`
	command.Path, command.Args = "/bin/sh", append([]string{"-c", script, "sh", command.Path}, command.Args...)
	terminal := command.Terminal(t)

	terminal.Send("hello\n")

	terminal.Expect("got hello")
	require.Zero(t, terminal.Wait().Code)
}

func TestTerminalIsAskedForWhereThereIsNone(t *testing.T) {
	result := container(t, []string{"-it"}, "true").Run(t)

	require.Equal(t, 125, result.Code)
	require.Equal(t, "mytinydocker: standard input is not a terminal: leave -t out\n", result.Stderr)
}
