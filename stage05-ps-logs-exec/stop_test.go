package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// PID 1 of a PID namespace gets a signal only if it has a handler for it
// (pid_namespaces(7)); this one has.
func TestStopAsksFirst(t *testing.T) {
	name := detached(t, nil, "sh", "-c", `trap "echo bye; exit 4" TERM; echo ready; while :; do sleep 0.02; done`)
	testbed.Eventually(t, "the program to be ready", func() bool { return tool(t, "logs", name).Stdout == "ready\n" })

	require.Equal(t, testbed.Result{Stdout: name + "\n"}, tool(t, "stop", name))

	require.Equal(t, "Exited (4)", statusOf(t, name))
	require.Equal(t, "ready\nbye\n", tool(t, "logs", name).Stdout)
}

// deaf starts a container whose program has no handler for any signal, and is past the
// moments in which the runtime of its language has some.
func deaf(t *testing.T) (name string) {
	t.Helper()
	name = detached(t, nil, "sh", "-c", "echo ready; sleep 1000")
	testbed.Eventually(t, "the program to be ready", func() bool { return tool(t, "logs", name).Stdout == "ready\n" })
	return name
}

// Not even the signal's default action, to end it, happens.
func TestStopKillsWhoDoesNotListen(t *testing.T) {
	name := deaf(t)
	begun := time.Now()

	require.Zero(t, tool(t, "stop", "-t", "1", name).Code)

	require.GreaterOrEqual(t, time.Since(begun), time.Second)
	require.Less(t, time.Since(begun), 10*time.Second, "the patience that it has if nothing is said")
	require.Equal(t, "Exited (137)", statusOf(t, name))
	require.Empty(t, mountsBelow(t, rootOf(t)), "and all is cleaned up when stop returns")
	require.Empty(t, ours(t))
}

// Who has called stop finds the container cleaned up, and the monitor does that.
func TestStopWaitsForTheMonitor(t *testing.T) {
	name := deaf(t)
	record, err := loadRecord(rootOf(t), name)
	require.NoError(t, err)
	require.NoError(t, unix.Kill(record.Monitor.PID, unix.SIGSTOP))
	stopped := make(chan testbed.Result, 1)

	stopping := toolCommand(t, "stop", "-t", "0", name).Start(t)
	go func() { stopped <- stopping.Wait() }()

	testbed.Eventually(t, "the container to end", func() bool {
		running, err := record.Process.alive()
		return err == nil && !running
	})
	select {
	case result := <-stopped:
		t.Errorf("it did not wait for the monitor, which is stopped: %+v", result)
	case <-time.After(200 * time.Millisecond): // it waits: that is all there is to see
	}
	require.NoError(t, unix.Kill(record.Monitor.PID, unix.SIGCONT))
	if !t.Failed() {
		require.Equal(t, testbed.Result{Stdout: name + "\n"}, <-stopped)
	}
}

func TestSignalIsForPIDOneOnlyWithAHandler(t *testing.T) {
	name := deaf(t)

	require.NoError(t, unix.Kill(pidOf(t, name), unix.SIGTERM))
	require.Zero(t, tool(t, "exec", name, "kill", "-9", "1").Code)

	require.Equal(t, "Up", statusOf(t, name))
}

func TestStopOfAnEndedContainerIsRefused(t *testing.T) {
	name := detached(t, nil, "true")
	waitForEnd(t, name)

	require.Equal(t, testbed.Result{Code: 125, Stderr: "mytinydocker: the container " + name + " is not running\n"}, tool(t, "stop", name))
}

func TestBadDeadlineIsRefused(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")

	for _, value := range []string{"-1", "soon", "1.5"} {
		result := tool(t, "stop", "-t", value, name)
		require.Equal(t, 125, result.Code)
		requireOneLine(t, result.Stderr)
	}
	require.Equal(t, "Up", statusOf(t, name))
}

func TestRunningContainerIsRemovedOnlyByForce(t *testing.T) {
	name := detached(t, nil, "sleep", "1000")

	result := tool(t, "rm", name)

	require.Equal(t, testbed.Result{Code: 125, Stderr: "mytinydocker: the container " + name + " is running: stop it first, or use rm -f\n"}, result)
	require.Equal(t, "Up", statusOf(t, name))
	require.Equal(t, testbed.Result{Stdout: name + "\n"}, tool(t, "rm", "-f", name))
	require.Empty(t, statusOf(t, name))
	require.Empty(t, mountsBelow(t, rootOf(t)))
}

// One that cannot be removed keeps no other from it.
func TestSeveralAreRemovedAtOnce(t *testing.T) {
	first, second := detached(t, nil, "true"), detached(t, nil, "true")
	waitForEnd(t, first)
	waitForEnd(t, second)

	result := tool(t, "rm", first, "nosuch", second)

	require.Equal(t, 125, result.Code)
	require.Equal(t, first+"\n"+second+"\n", result.Stdout)
	require.Equal(t, "mytinydocker: no such container: nosuch\n", result.Stderr)
}

func TestForegroundContainerCanBeStoppedAndRemoved(t *testing.T) {
	process := container(t, []string{"--name", "web"}, "sh", "-c", "echo ready; sleep 1000").Start(t) // it is deaf when it says so
	process.Expect("ready")
	require.Zero(t, tool(t, "stop", "-t", "0", "web").Code)
	require.Equal(t, 137, process.Wait().Code)

	process = running(t, "web", "")
	require.Zero(t, tool(t, "rm", "-f", "web").Code)
	require.Equal(t, 137, process.Wait().Code)
	require.Empty(t, statusOf(t, "web"))
}

func TestDataInAVolumeOutlivesRemoval(t *testing.T) {
	data := folderOfTheHost(t)
	name := detached(t, []string{"-v", data + ":/data"}, "sh", "-c", "echo new > /data/file; exec sleep 1000")
	testbed.Eventually(t, "the file", func() bool { return len(strings.TrimSpace(contentOr(t, data+"/file"))) > 0 })

	require.Zero(t, tool(t, "rm", "-f", name).Code)

	require.Equal(t, "new\n", content(t, data, "file"))
	require.Equal(t, "data\n", content(t, data, "precious"))
}

func contentOr(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	return string(content)
}

func TestEndedContainerIsCommitted(t *testing.T) {
	name := detached(t, []string{"-v", folderOfTheHost(t) + ":/data"}, "sh", "-c", "echo built > /file; rm /bin/ls")
	waitForEnd(t, name)

	require.Equal(t, testbed.Result{}, commit(t, name, "mine"))

	require.Equal(t, testbed.Result{Stdout: "built\ngone\n"}, containerOf(t, "mine", nil, "sh", "-c", "cat /file; test -e /bin/ls || echo gone").Run(t))
	require.Empty(t, mountsBelow(t, rootOf(t)))
}
