package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestProgramIsPID1(t *testing.T) {
	result := runContainer(t, "sh", "-c", "echo $$")

	require.Equal(t, testbed.Result{Stdout: "1\n"}, result)
}

// Init cannot run anything before all of it is written, but it can say what it does.
// It goes on only as process 1, and only when it has read its message.
func TestInitIsTheFirstProcessAndGetsItsMessage(t *testing.T) {
	before, err := os.Hostname()
	require.NoError(t, err)
	command := container(t, []string{"--hostname", "tiny"}, "true")
	command.Args = append([]string{"--debug"}, command.Args...)

	result := command.Run(t)

	require.Contains(t, result.Stderr, `init: sethostname \"tiny\"`)
	after, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, before, after, "the host's name has changed")
}

func TestProcShowsOnlyTheContainer(t *testing.T) {
	result := runContainer(t, "sh", "-c", "cd /proc; echo [0-9]*; read -r pid _ < self/stat; echo self $pid")

	require.Equal(t, testbed.Result{Stdout: "1\nself 1\n"}, result)
}

func TestEachNamespaceIsNew(t *testing.T) {
	for _, kind := range []string{"uts", "pid", "mnt", "net", "ipc"} {
		t.Run(kind, func(t *testing.T) {
			link := filepath.Join("/proc/self/ns", kind)
			host, err := os.Readlink(link)
			require.NoError(t, err)

			inside := runContainer(t, "readlink", link)

			require.Zero(t, inside.Code, inside.Stderr)
			require.True(t, strings.HasPrefix(inside.Stdout, kind+":["), inside.Stdout)
			require.NotEqual(t, host+"\n", inside.Stdout, "the container is in the host's %s namespace", kind)
		})
	}
}

func TestHostnameIsTheContainersOwn(t *testing.T) {
	before, err := os.Hostname()
	require.NoError(t, err)

	named := container(t, []string{"--hostname", "tiny"}, "uname", "-n").Run(t)
	byDefault := runContainer(t, "uname", "-n")

	require.Equal(t, testbed.Result{Stdout: "tiny\n"}, named)
	require.Equal(t, testbed.Result{Stdout: "mytinydocker\n"}, byDefault)
	after, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, before, after, "the host's name has changed")
}

func TestNetworkHasOnlyItsOwnLoopback(t *testing.T) {
	result := runContainer(t, "cat", "/proc/net/dev")

	require.Zero(t, result.Code, result.Stderr)
	links := strings.Split(strings.TrimSpace(result.Stdout), "\n")[2:]
	require.Len(t, links, 1, result.Stdout)
	require.Contains(t, links[0], "lo:")
}

// A System V message queue is seen by every process of an IPC namespace, and
// by no other.
func TestMessageQueueOfTheHostIsNotSeen(t *testing.T) {
	testbed.Require(t, testbed.Root)
	queue, _, errno := unix.Syscall(unix.SYS_MSGGET, unix.IPC_PRIVATE, unix.IPC_CREAT|0o600, 0)
	require.Zero(t, errno)
	defer unix.Syscall(unix.SYS_MSGCTL, queue, unix.IPC_RMID, 0)

	outside := queues(t, testbed.Run(t, "cat", "/proc/sysvipc/msg"))
	inside := queues(t, runContainer(t, "cat", "/proc/sysvipc/msg"))

	require.NotEmpty(t, outside)
	require.Empty(t, inside)
}

// queues returns the lines of /proc/sysvipc/msg below its heading.
func queues(t *testing.T, result testbed.Result) []string {
	t.Helper()
	require.Zero(t, result.Code, result.Stderr)
	lines := strings.Split(strings.TrimSpace(result.Stdout), "\n")
	return lines[1:]
}

// systemd makes / a shared mount: what is mounted in a copy of the mount
// namespace then shows up in the original too, unless the copy says no first.
func TestHostKeepsItsProcEvenWhereRootIsShared(t *testing.T) {
	testbed.Require(t, testbed.Root)
	inSharedMountNamespace(t)
	before := mountinfo(t)

	result := runContainer(t, "sh", "-c", "mount -t tmpfs none /tmp && echo mounted")

	require.Equal(t, testbed.Result{Stdout: "mounted\n"}, result)
	require.Empty(t, changes(before, mountinfo(t)), "a mount of the container has reached the host")
	self := testbed.Run(t, "cat", "/proc/self/comm")
	require.Equal(t, testbed.Result{Stdout: "cat\n"}, self)
}

// The same without a program that looks at it: what init mounts is in its own mount
// namespace, and not in the one of which that is a copy.
func TestInitMountsProcForItselfAlone(t *testing.T) {
	testbed.Require(t, testbed.Root)
	inSharedMountNamespace(t)
	before := mountinfo(t)
	host, err := os.Open("/proc/thread-self/ns/mnt")
	require.NoError(t, err)
	defer host.Close()
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNS))

	require.NoError(t, mountAsInit())

	inside := mountinfo(t)
	require.Zero(t, strings.Count(inside, " shared:"), "so many mounts of the copy are still shared with the host's: make them private, / and all below it")
	onProc := mountsOnProc(inside)
	require.Len(t, onProc, len(mountsOnProc(before))+1, "one more is mounted on /proc")
	require.Regexp(t, ` / /proc rw,nosuid,nodev,noexec,relatime - proc `, onProc[len(onProc)-1], "the new /proc is a proc, with the mount options nosuid, nodev and noexec")
	require.NoError(t, unix.Setns(int(host.Fd()), unix.CLONE_NEWNS))
	require.Empty(t, changes(before, mountinfo(t)), "a mount of init's has reached the host")
}

// mountsOnProc returns the lines of mountinfo for what is mounted on /proc, the last
// mounted at the end.
func mountsOnProc(mountinfo string) []string {
	var lines []string
	for line := range strings.Lines(mountinfo) {
		if strings.Contains(line, " / /proc ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// changes returns the lines that are in one mountinfo only.
func changes(before, after string) []string {
	lines := strings.Split(before+after, "\n")
	return slices.DeleteFunc(lines, func(line string) bool {
		return line == "" || strings.Contains(before, line+"\n") && strings.Contains(after, line+"\n")
	})
}

// inSharedMountNamespace moves the rest of the test into a mount namespace
// whose mounts are all shared, as on a machine that systemd has started.
func inSharedMountNamespace(t *testing.T) {
	t.Helper()
	// A thread that has left its namespaces is never unlocked: the Go
	// runtime ends it with the test's goroutine.
	runtime.LockOSThread()
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNS|unix.CLONE_FS))
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""))
}

func mountinfo(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("/proc/thread-self/mountinfo")
	require.NoError(t, err)
	return string(content)
}
