package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/base/probe"
	"mytinydocker/internal/testbed"
)

// report runs the probe in a container and returns what it has seen.
func report(t *testing.T, name string) probe.Report {
	t.Helper()
	result := tool(t, "exec", name, "probe")
	require.Zero(t, result.Code, result.Stderr)
	var seen probe.Report
	require.NoError(t, json.Unmarshal([]byte(result.Stdout), &seen))
	return seen
}

func TestExecRunsInTheContainersNamespaces(t *testing.T) {
	name := detached(t, []string{"--hostname", "inside"}, "sh", "-c", "echo mine > /file; exec sleep 1000")
	testbed.Eventually(t, "the file", func() bool { return tool(t, "exec", name, "cat", "/file").Stdout == "mine\n" })

	seen := report(t, name)

	for _, kind := range []string{"ipc", "uts", "net", "pid", "mnt"} {
		namespace, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pidOf(t, name)), "ns", kind))
		require.NoError(t, err)
		require.Equal(t, namespace, seen.Namespaces[kind])
	}
	require.Equal(t, "inside\n", tool(t, "exec", name, "hostname").Stdout)
	require.NotEqual(t, 1, seen.Pid)
	require.Equal(t, "/", seen.Cwd)
	require.Equal(t, []string{"0", "1", "2"}, descriptors(seen))
	require.Contains(t, tool(t, "exec", name, "ps").Stdout, "sleep 1000")
}

func descriptors(seen probe.Report) []string {
	var found []string
	for _, number := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10} {
		if _, ok := seen.Files[number]; ok {
			found = append(found, strconv.Itoa(number))
		}
	}
	return found
}

// Until init has its message, and with it a root of its own, it has that of the host.
func TestExecIntoAContainerThatIsBeingMade(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	record, err := loadRecord(rootOf(t), name)
	require.NoError(t, err)
	whole, marker := *record, filepath.Join(t.TempDir(), "marker")
	init := exec.Command("sleep", "1000")
	init.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
	}
	require.NoError(t, init.Start())
	t.Cleanup(func() {
		require.NoError(t, init.Process.Kill())
		require.Error(t, init.Wait(), "it was killed")
		require.NoError(t, whole.save(rootOf(t)))
	})
	record.Process, err = processOf(init.Process.Pid)
	require.NoError(t, err)
	require.NoError(t, record.save(rootOf(t)))

	result := tool(t, "exec", name, "touch", marker)

	require.NoFileExists(t, marker)
	require.Equal(t, 125, result.Code)
	require.Contains(t, result.Stderr, "the container "+name+" is still being made")
}

func TestExecReturnsTheExitStatus(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")

	require.Equal(t, testbed.Result{Stdout: "out\n", Stderr: "err\n", Code: 7}, tool(t, "exec", name, "sh", "-c", "echo out; echo err >&2; exit 7"))
	require.Equal(t, 128+9, tool(t, "exec", name, "sh", "-c", "kill -9 $$").Code)
	require.Equal(t, testbed.Result{Code: 127, Stderr: "mytinydocker: \"nosuch\": command not found\n"}, tool(t, "exec", name, "nosuch"))
	require.Equal(t, 126, tool(t, "exec", name, "/etc/os-release").Code)
	require.Equal(t, 125, tool(t, "exec", name).Code)
	require.Equal(t, "Up", statusOf(t, name))
}

// Ancestors of this program join the arguments and have a shell take them apart.
func TestArgumentsOfExecArriveAsTheyAre(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	arguments := []string{"a b", "", "$HOME", "'", `"`, "*", "\n", "ünï", "; touch /tmp/x", "--", "-d", strings.Repeat("long ", 20_000)}

	result := tool(t, "exec", append([]string{name, "sh", "-c", `for a; do printf '[%s]' "$a"; done`, "sh"}, arguments...)...)

	require.Equal(t, testbed.Result{Stdout: "[" + strings.Join(arguments, "][") + "]"}, result)
}

// What a container has in its environment would make the joining process, which
// belongs to the host, do all kinds of things.
func TestEnvironmentOfTheContainerReachesOnlyTheProgram(t *testing.T) {
	name := detached(t, []string{"-e", "A=b c", "-e", "LD_PRELOAD=/lib/evil.so", "-e", "GODEBUG=http2debug=2", "-e", "MYTINYDOCKER_PID=1", "-e", "PATH=/bin:/usr/sbin"}, "sleep", "1000")
	command := toolCommand(t, "exec", name, "env")
	command.Env = []string{"SECRET=of the host"}

	result := command.Run(t)

	require.Zero(t, result.Code)
	lines := strings.Split(strings.TrimSpace(result.Stdout), "\n")
	require.ElementsMatch(t, []string{"A=b c", "LD_PRELOAD=/lib/evil.so", "GODEBUG=http2debug=2", "MYTINYDOCKER_PID=1", "PATH=/bin:/usr/sbin", "HOME=/root"}, lines)
	require.Empty(t, result.Stderr)
}

func TestExecIsLimitedAsTheContainerIs(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids, testbed.CgroupMemory)
	name := detached(t, []string{"--pids-limit", "100", "-m", "64m"}, "sleep", "1000")
	container := cgroupsOf(t, pidOf(t, name))

	process := toolCommand(t, "exec", name, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	process.Expect("ready")

	require.Equal(t, container, cgroupsOf(t, onlyChild(t, process.Pid())))
	require.Equal(t, 128+9, tool(t, "exec", name, "box", "eat", "128m").Code)
	require.NoError(t, unix.Kill(onlyChild(t, process.Pid()), unix.SIGKILL))
	process.Wait()
	require.Equal(t, "Up", statusOf(t, name))
}

func cgroupsOf(t *testing.T, pid int) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	require.NoError(t, err)
	return string(content)
}

// What else would be started from a thread that has joined would be born in the container,
// too. So nobody gets it any more: it ends with its goroutine.
func TestThreadThatHasJoinedEnds(t *testing.T) {
	testbed.Require(t, testbed.Root)
	container := exec.Command("sleep", "1000")
	container.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	require.NoError(t, container.Start())
	defer func() {
		require.NoError(t, container.Process.Kill())
		require.Error(t, container.Wait())
	}()
	ours, err := os.Readlink("/proc/self/ns/pid")
	require.NoError(t, err)
	command := exec.Command("true")
	started := make(chan error, 1)

	go func() { started <- startIn(container.Process.Pid, command) }()

	require.NoError(t, <-started)
	require.NoError(t, command.Wait())
	testbed.Eventually(t, "the thread that has joined to end", func() bool {
		threads, err := filepath.Glob("/proc/self/task/*/ns/pid_for_children")
		require.NoError(t, err)
		return !slices.ContainsFunc(threads, func(thread string) bool {
			if strings.Contains(thread, "/task/"+strconv.Itoa(os.Getpid())+"/") {
				return false // the first thread never ends; Go has it do nothing more
			}
			theirs, err := os.Readlink(thread)
			return err == nil && theirs != ours
		})
	})
}

func TestExecIntoADeadContainerTouchesNothing(t *testing.T) {
	name := detached(t, nil, "true")
	waitForEnd(t, name)
	marker := filepath.Join("/tmp", testbed.Name(t))

	result := tool(t, "exec", name, "touch", marker)

	require.Equal(t, 125, result.Code)
	require.Equal(t, "mytinydocker: the container "+name+" is not running\n", result.Stderr)
	require.NoFileExists(t, marker)
}

// Whoever cannot join one of the namespaces must not run anything in the others.
func TestJoiningStopsAtTheFirstFailure(t *testing.T) {
	testbed.Require(t, testbed.Root)
	for name, pid := range map[string]string{"no such process": "4194304", "no number": "self", "a path": "self/../" + strconv.Itoa(os.Getpid()), "nothing": "", "a thread of the kernel": "2"} {
		command := testbed.Command{Path: testbed.Build(t, "."), Args: []string{"ps"}, Env: []string{"MYTINYDOCKER_PID=" + pid}}

		result := command.Run(t)

		if name == "a thread of the kernel" && result.Code == 0 {
			continue // in a container of its own this test sees another process 2
		}
		require.Equal(t, 125, result.Code, name)
		require.Empty(t, result.Stdout, name)
		requireOneLine(t, result.Stderr)
		require.Contains(t, result.Stderr, "open the ", "%s: nothing is joined before all are open", name)
	}
}

func TestSignalsReachTheProgramThatExecRuns(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	process := toolCommand(t, "exec", name, "sh", "-c", `trap "echo got; exit 5" TERM; echo ready; while :; do sleep 0.02; done`).Start(t)
	process.Expect("ready")

	process.Signal(syscall.SIGTERM)

	require.Equal(t, testbed.Result{Stdout: "ready\ngot\n", Code: 5}, process.Wait())
}

// Killed, exec takes its program with it: nobody would wait for that any more.
func TestKilledExecLeavesNothing(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	process := toolCommand(t, "exec", name, "sh", "-c", "echo ready; exec sleep 61").Start(t)
	process.Expect("ready")

	process.Signal(syscall.SIGKILL)
	process.Wait()

	testbed.Eventually(t, "the program to end", func() bool { return !strings.Contains(tool(t, "exec", name, "ps").Stdout, "sleep 61") })
	require.Equal(t, "Up", statusOf(t, name))
}

func TestExecPassesInputOnOnlyIfAsked(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	with, without := toolCommand(t, "exec", "-i", name, "cat"), toolCommand(t, "exec", name, "cat")
	with.Stdin, without.Stdin = strings.NewReader("hello\n"), strings.NewReader("hello\n")

	require.Equal(t, testbed.Result{Stdout: "hello\n"}, with.Run(t))
	require.Equal(t, testbed.Result{}, without.Run(t))
	require.Equal(t, 125, tool(t, "exec", "-t", name, "true").Code)
}

func TestShellInAContainerOwnsTheTerminal(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	terminal := toolCommand(t, "exec", "-it", name, "sh").Terminal(t)

	terminal.Send("test -t 0 && echo on a $((1+1))-ended terminal\n")
	terminal.Expect("on a 2-ended terminal")
	terminal.Send("sh -c 'echo $((20+1)); exec sleep 62'\n")
	terminal.Expect("21")
	terminal.Send("\x03")
	terminal.Send("echo still $((40+2))\n")
	terminal.Expect("still 42")
	terminal.Send("exit 5\n")

	require.Equal(t, 5, terminal.Wait().Code)
}

func TestTerminalIsGivenBackAfterExec(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")
	command := toolCommand(t, "exec", "-it", name, "true")
	command.Path, command.Args = "/bin/sh", append([]string{"-c", `"$@"; read -r line; echo "got $line"`, "sh", command.Path}, command.Args...)
	terminal := command.Terminal(t)

	terminal.Send("hello\n")

	terminal.Expect("got hello")
	require.Zero(t, terminal.Wait().Code)
}
