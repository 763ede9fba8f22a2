package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestArgumentsArriveAsTheyWereGiven(t *testing.T) {
	arguments := []string{
		"a b", "", "  two  spaces  ", `"double"`, "'single'", "$(id)", "`id`", "$HOME", "*", "|", ";", `\`, "line\nbreak", "ü",
		"--", "-i", "--hostname", "--help",
	}

	result := runContainer(t, append([]string{"printf", `[%s]\n`}, arguments...)...)

	require.Equal(t, testbed.Result{Stdout: "[" + strings.Join(arguments, "]\n[") + "]\n"}, result)
}

func TestDoubleDashEndsTheFlags(t *testing.T) {
	require.Equal(t, "-i --\n", container(t, []string{"--"}, "echo", "-i", "--").Run(t).Stdout)
	require.Equal(t, "-- -i\n", container(t, nil, "echo", "--", "-i").Run(t).Stdout)
}

func TestExitStatusIsTheProgramsOwn(t *testing.T) {
	tests := map[string]struct {
		command []string
		want    int
	}{
		"success":               {[]string{"true"}, 0},
		"failure":               {[]string{"sh", "-c", "exit 7"}, 7},
		"highest":               {[]string{"sh", "-c", "exit 255"}, 255},
		"program not found":     {[]string{"nosuch"}, 127},
		"path not found":        {[]string{"/no/such"}, 127},
		"empty name":            {[]string{""}, 127},
		"not executable":        {[]string{"/etc/passwd"}, 126},
		"a folder":              {[]string{"/etc"}, 126},
		"neither ELF nor #!":    {[]string{textFile(t, "just text", 0o755)}, 126},
		"interpreter not found": {[]string{textFile(t, "#!/no/such", 0o755)}, 127},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result := runContainer(t, test.command...)

			require.Equal(t, test.want, result.Code, result.Stderr)
			require.Empty(t, result.Stdout)
			if test.want == 126 || test.want == 127 {
				requireOneLine(t, result.Stderr)
				require.Contains(t, result.Stderr, test.command[0])
			}
		})
	}
}

// A program that has no handler for a signal dies of it, but not as PID 1: the
// kernel then drops the signal (pid_namespaces(7)). SIGKILL from the parent
// namespace is the one exception.
func TestDeathBySignalIs128PlusItsNumber(t *testing.T) {
	running := container(t, nil, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")

	require.NoError(t, syscall.Kill(onlyChild(t, running.Pid()), syscall.SIGKILL))

	require.Equal(t, 128+9, running.Wait().Code)
}

func TestSignalsReachTheProgram(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP,
		"QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	} {
		t.Run(name, func(t *testing.T) {
			script := `trap "echo got; exit 3" ` + name + `; echo ready; while :; do sleep 0.05; done`
			running := container(t, nil, "sh", "-c", script).Start(t)
			running.Expect("ready")

			running.Signal(signal)

			result := running.Wait()
			require.Equal(t, "ready\ngot\n", result.Stdout)
			require.Equal(t, 3, result.Code)
		})
	}
}

// What a terminal or a shell sends to our process group, we forward; a container in
// the same group would get it a second time.
func TestSignalForOurGroupIsNotTheContainers(t *testing.T) {
	running := container(t, nil, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")

	ours, err := syscall.Getpgid(running.Pid())
	require.NoError(t, err)
	theirs, err := syscall.Getpgid(onlyChild(t, running.Pid()))
	require.NoError(t, err)

	require.NotEqual(t, ours, theirs, "the container is in our process group")
}

func TestContainerDiesWithItsParent(t *testing.T) {
	command := container(t, nil, "sh", "-c", "echo ready; exec sleep 1000")
	command.Deadline = 10 * time.Second // whoever outlives its parent holds its output open
	running := command.Start(t)
	running.Expect("ready")
	child := onlyChild(t, running.Pid())
	defer func() {
		if t.Failed() {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	}()

	running.Signal(syscall.SIGKILL)

	testbed.Eventually(t, "the container to end with its parent", func() bool { return !alive(t, child) })
	running.Wait()
}

func TestStandardInputIsPassedOnlyWhenAsked(t *testing.T) {
	with := container(t, []string{"-i"}, "cat")
	with.Stdin = strings.NewReader("hello\n")
	without := container(t, nil, "cat")
	without.Stdin = strings.NewReader("hello\n")

	require.Equal(t, testbed.Result{Stdout: "hello\n"}, with.Run(t))
	require.Equal(t, testbed.Result{}, without.Run(t))
}

func TestStandardOutputAndErrorStayApart(t *testing.T) {
	result := runContainer(t, "sh", "-c", "echo out; echo err >&2")

	require.Equal(t, testbed.Result{Stdout: "out\n", Stderr: "err\n"}, result)
}

func TestEnvironmentOfTheHostStaysOutside(t *testing.T) {
	command := container(t, nil, "env")
	command.Env = append(os.Environ(), "SECRET_MARKER=1", "HOME=/home/somebody")

	result := command.Run(t)

	require.Zero(t, result.Code, result.Stderr)
	require.ElementsMatch(t, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"},
		strings.Split(strings.TrimSpace(result.Stdout), "\n"), "the environment of the program")
}

func TestNoFileDescriptorOfTheHostIsInherited(t *testing.T) {
	script := `exec 7</etc/passwd 8</; exec "$@"`
	command := container(t, nil, "sh", "-c", "for file in /proc/1/fd/*; do readlink $file; done; true")
	command.Path, command.Args = "/bin/sh", append([]string{"-c", script, "sh", command.Path}, command.Args...)

	result := command.Run(t)

	require.Zero(t, result.Code, result.Stderr)
	open := strings.Split(result.Stdout, "\n")
	require.NotContains(t, open, "/etc/passwd")
	require.NotContains(t, open, "/")
}

func requireOneLine(t *testing.T, text string) {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, "\n"), "want one line: %q", text)
	require.True(t, strings.HasSuffix(text, "\n"), "want a whole line: %q", text)
}

// onlyChild returns the process id of the one child of pid, as this namespace
// numbers it.
func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	children := childrenOf(t, pid)
	require.Len(t, children, 1)
	return children[0]
}
