package main

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestTerminalIsTheContainersOwn(t *testing.T) {
	host := newHost(t)
	terminal := host.command("run", "--rm", "-it", "base", "sh", "-c",
		"tty; stat -c %t:%T /dev/console >/dev/null && echo console; stty size; echo $TERM").Terminal(t)

	terminal.Expect("/dev/pts/0")
	terminal.Expect("console")
	terminal.Expect("24 80")
	terminal.Expect("xterm")
	require.Zero(t, terminal.Wait().Code)
	host.requireNothingLeft()
}

func TestInterruptStopsTheProgramAndNotTheShell(t *testing.T) {
	terminal := newHost(t).command("run", "--rm", "-it", "base", "sh").Terminal(t)

	terminal.Send("sh -c 'echo $((20+1)); exec sleep 1000'\n")
	terminal.Expect("21")
	terminal.Send("\x03")
	terminal.Send("echo still $((40+2))\n")
	terminal.Expect("still 42")
	terminal.Send("exit 5\n")

	require.Equal(t, 5, terminal.Wait().Code)
}

func TestSizeOfTheWindowFollows(t *testing.T) {
	for _, flag := range []string{"-it", "-t"} {
		t.Run(flag, func(t *testing.T) {
			terminal := newHost(t).command("run", "--rm", flag, "base", "sh", "-c",
				"echo ready; while [ \"$(stty size)\" != '50 120' ]; do sleep 0.02; done; echo resized").Terminal(t)
			terminal.Expect("ready")

			terminal.Resize(120, 50)

			terminal.Expect("resized")
			require.Zero(t, terminal.Wait().Code)
		})
	}
}

func TestTerminalIsRestored(t *testing.T) {
	for name, test := range map[string]struct {
		program string
		end     func(terminal *testbed.Terminal)
		want    int
	}{
		"after exit":   {"echo ready; read -r line; exit 3", func(terminal *testbed.Terminal) { terminal.Send("\n") }, 3},
		"after a kill": {`trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done`, func(terminal *testbed.Terminal) { terminal.Signal(syscall.SIGTERM) }, 9},
	} {
		t.Run(name, func(t *testing.T) {
			host := newHost(t)
			terminal := host.command("run", "--rm", "-it", "base", "sh", "-c", test.program).Terminal(t)
			before := terminal.Attributes()
			terminal.Expect("ready")
			require.Zero(t, terminal.Attributes().Lflag&unix.ICANON, "raw while it runs")

			test.end(terminal)

			require.Equal(t, test.want, terminal.Wait().Code)
			require.Equal(t, before, terminal.Attributes())
			host.requireNothingLeft()
		})
	}
}

func TestStoppedProgramComesBack(t *testing.T) {
	terminal := newHost(t).command("run", "--rm", "-it", "base", "sh").Terminal(t)

	terminal.Send("sh -c 'echo c$((0))me; exec cat'\n")
	terminal.Expect("c0me")
	terminal.Send("\x1a")
	terminal.Expect("Stopped")
	terminal.Send("fg\n")
	terminal.Send("hello\n")
	terminal.Expect("hello") // as the terminal echoes it
	terminal.Expect("hello") // as cat prints it
	terminal.Send("\x04")
	terminal.Expect("# ")
	terminal.Send("exit 4\n")

	require.Equal(t, 4, terminal.Wait().Code)
}

// Orphans become children of PID 1, which in a container may be a shell.
func TestShellAsInitReapsOrphans(t *testing.T) {
	result := newHost(t).base("sh", "-c", `
		before=$(ps | wc -l)
		sh -c 'sleep 0.01 & exit'
		n=0; while [ $(ps | wc -l) -gt $before ] && [ $n -lt 500 ]; do n=$((n+1)); done
		[ $(ps | wc -l) -eq $before ] && echo clean`)

	require.Equal(t, "clean\n", result.Stdout)
}
