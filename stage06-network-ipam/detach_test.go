package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// tool runs a command of this chapter's program, with the test's state root.
func tool(t *testing.T, command string, args ...string) testbed.Result {
	t.Helper()
	return toolCommand(t, command, args...).Run(t)
}

func toolCommand(t *testing.T, command string, args ...string) testbed.Command {
	t.Helper()
	return testbed.Command{Path: testbed.Build(t, "."), Args: append([]string{command, "--root", rootOf(t)}, args...)}
}

// detached starts a container in the background and returns its name. At the end
// of the test it is removed.
func detached(t *testing.T, flags []string, command ...string) string {
	t.Helper()
	result := container(t, append([]string{"-d"}, flags...), command...).Run(t)
	require.Zero(t, result.Code, result.Stderr)
	require.Empty(t, result.Stderr)
	name := strings.TrimSpace(result.Stdout)
	t.Cleanup(func() { tool(t, "rm", "-f", name) })
	return name
}

// pidOf returns the process id of a container's first process.
func pidOf(t *testing.T, name string) int {
	t.Helper()
	record, err := loadRecord(rootOf(t), name)
	require.NoError(t, err)
	return record.Process.PID
}

func waitForEnd(t *testing.T, name string) {
	t.Helper()
	testbed.Eventually(t, "the container to end", func() bool { return strings.HasPrefix(statusOf(t, name), "Exited") })
}

// statusOf returns what ps says of a container, or "".
func statusOf(t *testing.T, name string) string {
	t.Helper()
	result := tool(t, "ps", "-a")
	require.Zero(t, result.Code, result.Stderr)
	lines := strings.Split(result.Stdout, "\n")
	column := strings.Index(lines[0], "STATUS")
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, name+" ") {
			return strings.TrimSpace(line[column:])
		}
	}
	return ""
}

func TestDetachedContainerRunsOn(t *testing.T) {
	name := detached(t, nil, "sh", "-c", "echo hello; exec sleep 1000")

	require.Regexp(t, `^[a-z0-9]{12}$`, name)
	require.Equal(t, "Up", statusOf(t, name))
	testbed.Eventually(t, "its output", func() bool { return tool(t, "logs", name).Stdout == "hello\n" })
	require.Zero(t, tool(t, "rm", "-f", name).Code)
	require.Empty(t, mountsBelow(t, rootOf(t)))
	require.NoDirExists(t, filepath.Join(rootOf(t), "containers", name))
}

// Whoever started it may go, with his terminal and his session.
func TestDetachedContainerHasASessionOfItsOwn(t *testing.T) {
	name := detached(t, []string{"--name", "web"}, "sleep", "1000")

	require.Equal(t, "web", name)
	ours, err := os.ReadFile("/proc/self/stat")
	require.NoError(t, err)
	session := strings.Fields(string(ours))[5]
	require.NotEqual(t, session, stat(t, pidOf(t, name))[3])
	parent, err := strconv.Atoi(stat(t, pidOf(t, name))[1])
	require.NoError(t, err)
	require.NotEqual(t, os.Getpid(), parent)
	require.Equal(t, strconv.Itoa(parent), stat(t, parent)[3], "its parent leads a session")
}

func TestDetachedContainerIsCleanedUpAtItsEnd(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	name := detached(t, []string{"--pids-limit", "10"}, "sh", "-c", "exit 7")

	waitForEnd(t, name)

	require.Equal(t, "Exited (7)", statusOf(t, name))
	testbed.Eventually(t, "the mounts and cgroups to be removed", func() bool {
		return len(mountsBelow(t, rootOf(t))) == 0 && len(ours(t)) == 0
	})
	require.DirExists(t, filepath.Join(rootOf(t), "containers", name), "it is kept until it is removed")
}

func TestFailingStartIsToldAndLeavesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		flags   []string
		command string
		code    int
	}{
		"no such program":     {nil, "nosuch", 127},
		"no program":          {nil, "/etc/os-release", 126},
		"no such image":       {nil, "", 125},
		"hostname":            {[]string{"--hostname", strings.Repeat("a", 65)}, "true", 125},
		"detached terminal":   {[]string{"-t"}, "true", 125},
		"detached input":      {[]string{"-i"}, "true", 125},
		"no such cpu":         {[]string{"--cpuset-cpus", "4000"}, "true", 125},
		"a volume from there": {[]string{"-v", "/no/such:/data"}, "true", 125},
	} {
		t.Run(name, func(t *testing.T) {
			image := "base"
			if test.command == "" {
				image = "nosuch"
			}

			result := containerOf(t, image, append([]string{"-d"}, test.flags...), test.command).Run(t)

			require.Equal(t, test.code, result.Code)
			require.Empty(t, result.Stdout)
			requireOneLine(t, result.Stderr)
			left, err := filepath.Glob(filepath.Join(rootOf(t), "containers", "*"))
			require.NoError(t, err)
			require.Empty(t, left)
			require.Empty(t, mountsBelow(t, rootOf(t)))
		})
	}
}

func TestTwentyAtOnceAreTwenty(t *testing.T) {
	rootOf(t)
	results := make([]testbed.Result, 20)
	var group sync.WaitGroup
	for index := range results {
		process := container(t, []string{"-d"}, "sleep", "1000").Start(t)
		group.Go(func() { results[index] = process.Wait() })
	}
	group.Wait()

	names := make(map[string]bool)
	for _, result := range results {
		require.Zero(t, result.Code, result.Stderr)
		names[strings.TrimSpace(result.Stdout)] = true
	}
	require.Len(t, names, len(results))
	require.Equal(t, len(results), strings.Count(tool(t, "ps").Stdout, "Up"))
	for name := range names {
		require.Zero(t, tool(t, "rm", "-f", name).Code)
	}
}

// Nobody can say then with which status it has ended, but that it has is known, and
// it can be removed, with all that it had.
func TestKilledMonitorLeavesWhatCanBeRemoved(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	name := detached(t, []string{"--pids-limit", "10"}, "sleep", "1000")
	record, err := loadRecord(rootOf(t), name)
	require.NoError(t, err)

	require.NoError(t, syscall.Kill(record.Monitor.PID, syscall.SIGKILL))
	waitForEnd(t, name)

	require.Equal(t, "Exited", statusOf(t, name))
	require.NotEmpty(t, mountsBelow(t, rootOf(t)))
	require.Equal(t, testbed.Result{Stdout: name + "\n"}, tool(t, "rm", name))
	require.Empty(t, mountsBelow(t, rootOf(t)))
	require.Empty(t, ours(t))
}

func TestEnvironmentOfANewContainer(t *testing.T) {
	t.Setenv("FROM_US", "yes")
	t.Setenv("EMPTY_HERE", "")
	const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for want, flags := range map[string][]string{
		path + "|HOME=/root":                              nil,
		path + "|HOME=/root|A=last, one":                  {"A=1 2=3\n4", "A=last, one"},
		path + "|HOME=/x|EMPTY=|B=1=2":                    {"EMPTY=", "HOME=/x", "B=1=2"},
		path + "|HOME=/root|FROM_US=yes|EMPTY_HERE=":      {"FROM_US", "EMPTY_HERE", "NOT_SET_ANYWHERE"},
		"PATH=/mine|HOME=/root|LAST=it has the last word": {"PATH=/mine", "LAST", "LAST=it has the last word"},
	} {
		environment, err := environmentOf(flags)

		require.NoError(t, err)
		require.ElementsMatch(t, strings.Split(want, "|"), environment)
	}
	for _, flag := range []string{"", "=", "=x"} {
		_, err := environmentOf([]string{"A=1", flag})

		require.ErrorContains(t, err, "environment", "%q", flag)
	}
}

func TestEnvironmentIsWhatTheUserSays(t *testing.T) {
	command := container(t, []string{"-e", "A=1 2=3\n4", "-e", "EMPTY=", "-e", "FROM_US", "-e", "UNSET", "-e", "HOME=/x", "-e", "A=last, one"}, "cat", "/proc/self/environ")
	command.Env = []string{"FROM_US=yes", "SECRET=of the host"}

	result := command.Run(t)

	require.Zero(t, result.Code, result.Stderr)
	variables := strings.Split(strings.TrimSuffix(result.Stdout, "\x00"), "\x00")
	require.ElementsMatch(t, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "EMPTY=", "FROM_US=yes", "HOME=/x", "A=last, one"}, variables)
}

func TestBadEnvironmentIsRefused(t *testing.T) {
	for _, flag := range []string{"", "=x"} {
		result := container(t, []string{"-e", flag}, "echo", "ran").Run(t)

		require.Equal(t, 125, result.Code, "%q", flag)
		require.Empty(t, result.Stdout)
		requireOneLine(t, result.Stderr)
	}
}

// The program is looked for where the container's PATH says, and with nothing of
// its environment does any program of the host run.
func TestPathOfTheContainerFindsTheProgram(t *testing.T) {
	script := textFile(t, "#!/bin/sh\necho mine\n", 0o755)

	result := container(t, []string{"-e", "PATH=/nowhere:/"}, script[1:]).Run(t)

	require.Equal(t, testbed.Result{Stdout: "mine\n"}, result)
	require.Equal(t, 127, container(t, []string{"-e", "PATH=/nowhere"}, "true").Run(t).Code)
}

func TestForegroundContainerIsListedWhileItRuns(t *testing.T) {
	process := running(t, "web", "")

	require.Equal(t, "Up", statusOf(t, "web"))
	require.Equal(t, testbed.Result{Code: 125, Stderr: "mytinydocker: the container web has no log: it runs in the foreground\n"}, tool(t, "logs", "web"))
	endFromOutside(t, process)
	require.Empty(t, statusOf(t, "web"))
}

func TestUnknownContainer(t *testing.T) {
	rootOf(t)
	for _, args := range [][]string{{"logs"}, {"stop"}, {"rm"}, {"rm", "-f"}, {"exec"}} {
		for _, name := range []string{"nosuch", "../images", "", "."} {
			with := append(args[1:], name)
			if args[0] == "exec" {
				with = append(with, "true")
			}
			result := tool(t, args[0], with...)

			require.Equal(t, 125, result.Code, "%q %q", args, name)
			require.Empty(t, result.Stdout)
			requireOneLine(t, result.Stderr)
		}
		require.Equal(t, 125, tool(t, args[0]).Code, "%q without a name", args)
	}
	require.DirExists(t, filepath.Join(rootOf(t), "images"))
}
