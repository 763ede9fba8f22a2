package museum

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// --sysctl writes to /proc/sys on behalf of who may run containers. Most of what is there
// belongs to no namespace: kernel.core_pattern is the host's.
//
// Here only settings of a namespace that the container has for itself are written.
func TestSettingsOfTheHostByAFlag(t *testing.T) {
	m := open(t)
	for _, flags := range []string{
		"--sysctl kernel.core_pattern=x", "--sysctl kernel/core_pattern=x", "--sysctl kernel.modprobe=x", "--sysctl vm.swappiness=1",
		"--sysctl net.ipv4.ip_forward=1 --network host", "--sysctl net/ipv4/ip_forward=1 --network host", "--sysctl net/../kernel/core_pattern=x", "--sysctl net.ipv4..kernel=x", "--sysctl kernel.hostname=x",
		"--sysctl fs.file-max=1", "--sysctl kernel.shmmax/../core_pattern=1",
	} {
		before := contentOf(t, "/proc/sys/kernel/core_pattern")
		m.everyRun(visitor{flags: flags}, []string{"true"}, func(t *testing.T, result testbed.Result) {
			require.Equal(t, 125, result.Code, flags)
		})
		require.Equal(t, before, contentOf(t, "/proc/sys/kernel/core_pattern"))
	}
}

// Memory that is shared by a key, names of message queues, the host's name: without
// namespaces of its own, a container reads and changes those of the host.
func TestWhatIsSharedByName(t *testing.T) {
	m := open(t)
	key := os.Getpid()
	id, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|unix.IPC_EXCL|0o666)
	require.NoError(t, err)
	defer unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	require.Equal(t, "shm done\n", testbed.Run(t, probePath(t), "shm", strconv.Itoa(key)).Stdout, "the host's programs find it")
	name, err := os.Hostname()
	require.NoError(t, err)

	m.everywhere(m.visit(""), "shm ENOENT\n", "/probe", "shm", strconv.Itoa(key))
	m.everyWay(m.visit("--cap-add SYS_ADMIN"), []string{"/probe", "try", "sethostname"}, func(t *testing.T, result testbed.Result) {
		require.Equal(t, "sethostname done\n", result.Stdout)
		now, err := os.Hostname()
		require.NoError(t, err)
		require.Equal(t, name, now)
	})
}

// Who sees the host's processes may kill them, and read their environment.
func TestProcessesOfTheHost(t *testing.T) {
	m := open(t)
	other := testbed.Command{Path: "/bin/sleep", Args: []string{"1000"}}.Start(t)
	m.everyWay(m.visit(""), sh("ls /proc | grep -E '^[0-9]+$' | wc -l; kill -9 "+strconv.Itoa(other.Pid())+" 2>/dev/null || echo none"), func(t *testing.T, result testbed.Result) {
		count, rest, _ := strings.Cut(result.Stdout, "\n")
		number, err := strconv.Atoi(count)
		require.NoError(t, err)
		require.Less(t, number, 10)
		require.Equal(t, "none\n", rest)
	})
	require.NoError(t, syscall.Kill(other.Pid(), 0))
}

// The oldest way out: a process that keeps a folder while it changes its root goes up
// from there past the root that it had before (chroot(2)).
//
// Here the root has nothing above it: the container's mount namespace begins there
// (pivot_root(2)). CAP_SYS_CHROOT is left to it, as with Docker.
func TestClimbingOutOfAChroot(t *testing.T) {
	m := open(t)
	m.everywhere(m.visit(""), "same root true done\n", "/probe", "chroot")
	m.everywhere(m.visit(""), "1\n", sh("stat -c %i / /../../.. /proc/1/root/../.. /proc/self/root/.. | sort -u | wc -l")...)
}

// The names of files and what programs print are drawn on the operator's terminal: a
// container or an image with control characters in its name types there.
//
// Here such names are refused; what is listed and may hold them is quoted.
func TestNamesThatDriveTheTerminal(t *testing.T) {
	m := open(t)
	m.refused("run", "--rm", "--network", "none", "--name", "x\x1b[2J", "base", "true") // a network would refuse it, too
	m.ok("create", "--name", "shown", "--label", "a=\x1b]0;x\x07", "base", "echo", "\x1b[2Jclear")

	require.NotContains(t, m.ok("ps", "-a", "--no-trunc"), "\x1b")
	require.NotContains(t, m.ok("inspect", "shown"), "\x1b")
	require.NotContains(t, m.refused("start", "\x1b[2J"), "\x1b")
}
