package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestExecJoinsEverything(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"-e", "A=container", "-w", "/tmp", "--hostname", "inside"}, "sh", "-c", patient)
	host.ready(name)

	require.Equal(t, "inside\n/tmp\ncontainer user", host.ok("exec", "-e", "B=user", name, "sh", "-c", `hostname; pwd; echo $A $B`))
	for _, namespace := range []string{"mnt", "pid", "uts", "ipc", "net", "cgroup"} {
		link := "/ns/" + namespace
		require.Equal(t, host.ok("exec", name, "readlink", "/proc/1"+link), host.ok("exec", name, "readlink", "/proc/self"+link), namespace)
	}
	for _, field := range []string{"CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp", "Groups"} {
		require.Equal(t, host.ok("exec", name, "grep", field+":", "/proc/1/status"), host.ok("exec", name, "grep", field+":", "/proc/self/status"))
	}
	require.NotContains(t, host.ok("exec", name, "env"), "SECRET_MARKER")
}

// While a container is being made, its first process is ours, and has the root of the
// host until it has another one. Nothing may be done there in the container's name.
func TestContainerThatIsBeingMadeDoesNotRun(t *testing.T) {
	host := newHost(t)
	folder := t.TempDir()
	marker, source := filepath.Join(folder, "marker"), filepath.Join(folder, "source")
	write(t, source, "x")
	host.ok("network", "create", "slow")
	release := host.holdNetwork()
	name := testbed.Name(t)
	starting := host.command("run", "-d", "--name", name, "--network", "slow", "base", "sh", "-c", patient).Start(t)
	t.Cleanup(func() { host.tinydocker("rm", "-f", name) })
	testbed.Eventually(t, "its first process to be there", func() bool { return firstIn(livingIn(host.idOf(name))) != 0 })
	testbed.Eventually(t, "its first process to be known", func() bool {
		found, err := filepath.Glob(host.run + "/containers/*/state.json")
		return err == nil && len(found) == 1
	})

	require.Contains(t, host.ok("ps", "-a", "--format", "{{.Status}}"), "Created")
	require.Contains(t, host.refused(125, "exec", name, "touch", marker), "is just being started: try again")
	require.Contains(t, host.refused(125, "exec", "-d", name, "touch", marker), "is just being started: try again")
	require.Contains(t, host.refused(1, "cp", source, name+":"+marker), "is just being started")
	require.Contains(t, host.refused(1, "top", name), "is just being started: try again")
	require.Contains(t, host.refused(1, "pause", name), "is just being started: try again")

	release()
	require.Zero(t, starting.Wait().Code)
	require.NoFileExists(t, marker)
	host.ready(name)
	host.ok("exec", name, "ls", "/")
	require.Contains(t, host.ok("ps", "--format", "{{.Status}}"), "Up ")
}

// holdNetwork keeps containers from joining the one network that there is, until it is
// released.
func (h *host) holdNetwork() (release func()) {
	h.t.Helper()
	locks, err := filepath.Glob(h.run + "/networks/*/*/lock")
	require.NoError(h.t, err)
	require.Len(h.t, locks, 1)
	file, err := os.OpenFile(locks[0], os.O_RDWR, 0)
	require.NoError(h.t, err)
	require.NoError(h.t, unix.Flock(int(file.Fd()), unix.LOCK_EX))
	release = sync.OnceFunc(func() { file.Close() })
	h.t.Cleanup(release)
	return release
}

func TestExecHasTheExitStatusOfItsProgram(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	for _, test := range []struct {
		code int
		args []string
	}{
		{7, []string{name, "sh", "-c", "exit 7"}}, {0, []string{name, "true"}}, {137, []string{name, "sh", "-c", "kill -9 $$"}},
	} {
		require.Equal(t, test.code, host.tinydocker(append([]string{"exec"}, test.args...)...).Code, "%q", test.args)
	}
	host.refused(127, "exec", name, "nosuch")
	host.refused(126, "exec", name, "/etc")
	host.refused(125, "exec", "nosuch", "true")
	host.refused(125, "exec", name)
	host.refused(125, "exec", "-w", "/no/such", name, "true")
	host.refused(125, "exec", "-u", "nobodyatall", name, "true")
	host.ok("stop", name)
	host.refused(125, "exec", name, "true")
}

func TestExecPassesStreamsOn(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	command := host.command("exec", "-i", name, "sh", "-c", "cat; echo err >&2")
	command.Stdin = strings.NewReader("\x00binary\xff\nno end")

	require.Equal(t, testbed.Result{Stdout: "\x00binary\xff\nno end", Stderr: "err\n"}, command.Run(t))
	terminal := host.command("exec", "-it", name, "sh").Terminal(t)
	terminal.Send("tty; exit 4\n")
	terminal.Expect("/dev/pts/0")
	require.Equal(t, 4, terminal.Wait().Code)
}

func TestExecFindsUsersThatTheContainerHas(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", "echo 'new:x:1234:1235::/home/new:/bin/sh' >>/etc/passwd; "+patient)
	host.ready(name)

	require.Equal(t, "1234 1235 /home/new", host.ok("exec", "-u", "new", name, "sh", "-c", "echo $(id -u) $(id -g) $HOME"))
	require.Equal(t, "7 8", host.ok("exec", "-u", "7:8", name, "sh", "-c", "echo $(id -u) $(id -g)"))
}

func TestExecDiesWithWhoStartedIt(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	running := host.command("exec", name, "sh", "-c", "echo runs; exec sleep 1234").Start(t)
	running.Expect("runs")

	running.Signal(syscall.SIGKILL)
	running.Wait()

	testbed.Eventually(t, "the program has died", func() bool { return !strings.Contains(host.ok("exec", name, "ps"), "1234") })
}

func TestExecInTheBackground(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)

	require.Empty(t, host.ok("exec", "-d", name, "sh", "-c", "echo done >/tmp/done; sleep 1234"))

	testbed.Eventually(t, "it has run", func() bool { return host.tinydocker("exec", name, "cat", "/tmp/done").Stdout == "done\n" })
	require.Contains(t, host.ok("exec", name, "ps"), "1234")
	host.refused(127, "exec", "-d", name, "nosuch")
	host.ok("rm", "-f", name)
	host.requireNothingLeft()
}
