package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// limited runs a command of the tool's under the limits of a shell (ulimit).
func (h *host) limited(limits string, args ...string) testbed.Result {
	h.t.Helper()
	command := h.command(args...)
	command.Path, command.Args = "/bin/sh", append([]string{"-c", limits + ` && exec "$@"`, "sh", command.Path}, command.Args...)
	return command.Run(h.t)
}

// A tool that may do little does it, or says in one line what it lacks; nothing is left,
// and without the limit the same command works.
func TestToolWithLittleRoom(t *testing.T) {
	if os.Getenv("GOCOVERDIR") != "" {
		t.Skip("a program that says what of it was executed has no less to write")
	}
	machine := soundHost(t)
	machine.ok("run", "--rm", "base", "true")
	for name, limits := range map[string]string{
		"no open files": "ulimit -n 4", "few open files": "ulimit -n 12", "some open files": "ulimit -n 20", "small files": "ulimit -f 1", "no files": "ulimit -f 0",
	} {
		t.Run(name, func(t *testing.T) {
			host := machine.as(t)
			for _, args := range [][]string{{"run", "--rm", "base", "echo", "hello"}, {"create", "--name", "new", "base", "true"}, {"ps", "-a"}} {
				result := host.limited(limits, args...)
				require.NotContains(t, result.Stderr, "goroutine")
				if result.Code != 0 {
					requireOneLine(t, result.Stderr)
				}
				host.tinydocker("rm", "new")
				require.Equal(t, 1, strings.Count(host.ok("ps", "-aq"), "\n")+1, "nothing is left")
			}
		})
	}
	machine.requireOthersWork()
	machine.requireSound()
}

// inCgroup runs a command with a limit that the kernel keeps for it, in a controller's
// own hierarchy of version 1.
func inCgroup(t *testing.T, host *host, controller, file, value string, args ...string) testbed.Result {
	t.Helper()
	folder := ownCgroup(t, controller)
	group := filepath.Join(folder, testbed.Name(t))
	require.NoError(t, os.Mkdir(group, 0o755))
	t.Cleanup(func() {
		testbed.Eventually(t, "the cgroup to be empty", func() bool { return os.Remove(group) == nil })
	})
	require.NoError(t, os.WriteFile(filepath.Join(group, file), []byte(value), 0o644))
	return host.limited(fmt.Sprintf("echo $$ >%s/cgroup.procs", group), args...)
}

// ownCgroup is where the tests are in a hierarchy.
func ownCgroup(t *testing.T, controller string) string {
	t.Helper()
	content, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if fields[1] == controller {
			return filepath.Join("/sys/fs/cgroup", controller, fields[2])
		}
	}
	t.Skip("there is no hierarchy of version 1 for " + controller)
	return ""
}

func TestToolThatMayNotFork(t *testing.T) {
	host := soundHost(t)
	for _, limit := range []string{"6", "10", "14"} {
		result := inCgroup(t, host, "pids", "pids.max", limit, "run", "--rm", "base", "true")
		if !strings.Contains(result.Stderr, "pthread_create failed") && !strings.Contains(result.Stderr, "failed to create new OS thread") && result.Code != 0 {
			requireOneLine(t, result.Stderr) // a program in Go that gets no thread ends without a chance to say so
		}
		require.Equal(t, "sound", host.ok("ps", "-a", "--format", "{{.Names}}"))
	}
	host.requireOthersWork()
	host.requireSound()
}

// One that the kernel ends for its memory leaves what the next command removes.
func TestToolWithLittleMemory(t *testing.T) {
	host := soundHost(t)
	result := inCgroup(t, host, "memory", "memory.limit_in_bytes", "6m", "run", "--rm", "base", "true")
	if result.Code != 0 && result.Code != 137 {
		requireOneLine(t, result.Stderr)
	}
	require.Equal(t, "sound", host.ok("ps", "-a", "--format", "{{.Names}}"))
	host.requireOthersWork()
	host.requireSound()
}

// What a container may have is no reason for what starts it to fail strangely.
func TestContainerWithLittleRoom(t *testing.T) {
	host := soundHost(t)
	for _, flags := range [][]string{{"-m", "6m"}, {"--pids-limit", "1"}, {"--ulimit", "nofile=3"}, {"--ulimit", "nproc=1"}, {"--ulimit", "fsize=0"}, {"--shm-size", "4k"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			host := host.as(t)
			result := host.tinydocker(append(append([]string{"run", "--rm"}, flags...), "base", "true")...)
			if result.Code >= 125 && result.Code < 137 { // else it is the program's own end
				requireOneLine(t, result.Stderr)
			}
			require.Equal(t, "sound", host.ok("ps", "-a", "--format", "{{.Names}}"))
		})
	}
}

// Who gives up presses Ctrl-C, closes the window or kills: before the container runs,
// that ends the tool, and then the container.
func TestSignalsEndWhatRuns(t *testing.T) {
	machine := soundHost(t)
	for name, signal := range map[string]syscall.Signal{"TERM": unix.SIGTERM, "INT": unix.SIGINT, "HUP": unix.SIGHUP, "QUIT": unix.SIGQUIT, "KILL": unix.SIGKILL, "PIPE": unix.SIGPIPE} {
		t.Run(name, func(t *testing.T) {
			host := machine.as(t)
			running := host.command("run", "--rm", "--name", "victim", "base", "sh", "-c",
				`trap "exit 5" TERM INT HUP QUIT; echo ready; while :; do sleep 0.05; done`).Start(t)
			running.Expect("ready")

			running.Signal(signal)

			if signal == unix.SIGPIPE { // it is for a pipe of ours, and nobody's end
				require.Contains(t, host.status("victim"), "Up ")
				running.Signal(unix.SIGTERM)
				require.Equal(t, 5, running.Wait().Code)
				return
			}
			result := running.Wait()
			require.NotContains(t, result.Stderr, "goroutine")
			if signal != unix.SIGKILL {
				require.Equal(t, 5, result.Code)
			}
			require.Equal(t, "sound", host.ok("ps", "-a", "--format", "{{.Names}}"))
		})
	}
}

// A window that is closed ends the one who typed there, and its terminal is as it was.
func TestTerminalIsRestoredAfterEachSignal(t *testing.T) {
	machine := soundHost(t)
	for _, signal := range []syscall.Signal{unix.SIGHUP, unix.SIGQUIT, unix.SIGINT} {
		t.Run(unix.SignalName(signal), func(t *testing.T) {
			host := machine.as(t)
			terminal := host.command("run", "-it", "--name", "typed", "base", "sh", "-c", `trap "exit 9" INT QUIT; echo r$((0))ady; while :; do sleep 0.05; done`).Terminal(t)
			before := terminal.Attributes()
			terminal.Expect("r0ady")
			require.NotEqual(t, before, terminal.Attributes())

			terminal.Signal(signal)

			terminal.Wait()
			require.Equal(t, before, terminal.Attributes())
			host.ok("rm", "-f", "typed")
		})
	}
}

// Programs that end at once, one after the other: the end of none is missed.
func TestShortProgramsEnd(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	for range 20 {
		require.Equal(t, testbed.Result{Stdout: "x\n"}, host.tinydocker("exec", name, "echo", "x"))
	}
	for range 10 {
		require.Equal(t, testbed.Result{Stdout: "x\n"}, host.base("echo", "x"))
	}
}

// Nobody listens to us any more, or nobody ever did.
func TestClosedOutputsOfTheTool(t *testing.T) {
	host := soundHost(t)
	for _, closed := range []string{">&-", ">&- 2>&-", "<&- >&- 2>&-"} {
		for _, args := range [][]string{{"ps", "-a"}, {"run", "--rm", "base", "echo", "hello"}, {"run", "-d", "--name", "dark", "base", "echo", "hello"}} {
			command := host.command(args...)
			command.Path, command.Args = "/bin/sh", append([]string{"-c", `exec "$@" ` + closed, "sh", command.Path}, command.Args...)
			require.Zero(t, command.Run(t).Code, "%s %q", closed, args)
		}
		host.ok("wait", "dark")
		require.Equal(t, "hello", host.ok("logs", "dark"), "it has not become somebody else's output")
		host.ok("rm", "dark")
	}
	host.requireSound()
}
