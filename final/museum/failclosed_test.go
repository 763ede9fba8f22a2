package museum

import (
	"archive/tar"
	"encoding/json"
	"errors"
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

// A simple runtime logs that it could not mount or pivot_root, and goes on: the command
// then runs as root on the host. An image can bring that about. All it takes is something
// where the runtime wants to make a folder, as /.pivot_root, /proc or /dev.
//
// Here init reports every error to its parent and ends; and pivot_root needs no folder
// of the image (final/runtime/rootfs.go).
func TestSetUpThatFailsRunsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		entries []tar.Header
		runs    bool
	}{
		"old root as a folder":        {[]tar.Header{dir(".pivot_root")}, true},
		"old root as a file":          {[]tar.Header{file(".pivot_root", "x")}, true},
		"old root as a dangling link": {[]tar.Header{link(".pivot_root", "/no/such")}, true},
		"proc as a file":              {[]tar.Header{file("proc", "x")}, false},
		"proc as a link":              {[]tar.Header{link("proc", "/tmp")}, false},
		"proc as a dangling link":     {[]tar.Header{link("proc", "/no/such")}, false},
		"no proc":                     {[]tar.Header{without("proc")}, true},
		"dev as a file":               {[]tar.Header{file("dev", "x")}, false},
		"dev as a link":               {[]tar.Header{link("dev", "/tmp")}, false},
		"dev as a dangling link":      {[]tar.Header{link("dev", "/no/such")}, false},
		"no dev":                      {[]tar.Header{without("dev")}, true},
		"sys as a link":               {[]tar.Header{link("sys", "/tmp")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			v := m.image("hostile", test.entries)
			path := marker(t)

			words := sh("echo x >" + path + " && echo ran")
			if test.runs {
				m.everywhere(v, "ran\n", words...)
			} else {
				m.everyRun(v, words, func(t *testing.T, result testbed.Result) { require.Equal(t, 125, result.Code, result.Stdout) })
			}

			require.NoFileExists(t, path)
		})
	}
}

// A runtime that trusts the process id in its state file joins the namespaces of whatever
// has that number now, or, if joining fails and nobody looks, of nobody: the command runs
// on the host. mydocker's exec did so for a container that had ended.
//
// Here a process is known by its start time and the boot, it is held by a pidfd before
// it is looked at, and a process that is in our own namespaces is refused
// (final/engine/process.go, final/runtime/exec.go).
func TestExecIntoAProcessThatIsNotTheContainer(t *testing.T) {
	m := open(t)
	name, path := m.keep(m.visit("")), marker(t)
	other := testbed.Command{Path: "/bin/sleep", Args: []string{"1000"}}.Start(t)
	m.ok("exec", name, "true")

	for _, pid := range []any{"", 0, -1, 1, os.Getpid(), other.Pid(), 999999999, 1 << 31, -other.Pid()} {
		restore := m.pretend(name, func(program map[string]any) { program["pid"] = pid })
		require.Equal(t, 125, m.tinydocker("exec", name, "touch", path).Code, "%v", pid)
		restore()
	}
	elsewhere := m.chrooted()
	for _, change := range []map[string]any{
		{"pid": other.Pid(), "startTime": startTime(t, other.Pid())}, {"pid": elsewhere, "startTime": startTime(t, elsewhere)},
		{"startTime": 1}, {"bootID": "another"},
	} {
		restore := m.pretend(name, func(program map[string]any) {
			for key, value := range change {
				program[key] = value
			}
		})
		require.Equal(t, 125, m.tinydocker("exec", name, "touch", path).Code, "%v", change)
		restore()
	}
	require.NoError(t, syscall.Kill(other.Pid(), 0), "the other process lives")
	m.ok("exec", name, "true")
	m.ok("stop", "-t", "0", name)
	require.Equal(t, 125, m.tinydocker("exec", name, "touch", path).Code)
}

// chrooted is a process of the host with another root, as daemons have: who joins its
// namespaces is on the host, though it does not look like that.
func (m *museum) chrooted() (pid int) {
	m.t.Helper()
	layers, err := filepath.Glob(m.root + "/layers/overlay/sha256/*")
	require.NoError(m.t, err)
	require.Len(m.t, layers, 1)
	pid = testbed.Command{Path: "/bin/sh", Args: []string{"-c", `exec chroot "$0" sleep 1000`, layers[0]}}.Start(m.t).Pid()
	testbed.Eventually(m.t, "its root to be another", func() bool {
		root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", pid))
		return err == nil && root == layers[0]
	})
	return pid
}

// A container has a first process before it has a root of its own: until that has called
// pivot_root, its mount namespace has the root of the host. A runtime that writes down who
// it is at once, as mydocker does and as this one did, lets exec and cp in: for the time
// that it takes to wait for a network, they are on the host. A container that keeps ending
// and is started again each time makes that time as often as it likes.
//
// Here a container runs when its program does (final/engine/state.go), and a process with
// our own root is none of a container's (final/runtime/exec.go).
func TestExecIntoAContainerThatIsBeingMade(t *testing.T) {
	testbed.Require(t, testbed.NFTables)
	m := open(t)
	path, source := marker(t), filepath.Join(folder(t, "source"), "source")
	m.ok("network", "create", "slow")
	locks, err := filepath.Glob(m.run + "/networks/*/*/lock")
	require.NoError(t, err)
	require.Len(t, locks, 1)
	held, err := os.OpenFile(locks[0], os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(held.Fd()), unix.LOCK_EX))
	name := testbed.Name(t)
	starting := m.command("run", "-d", "--name", name, "--network", "slow", "base", "sleep", "1000").Start(t)
	t.Cleanup(func() { m.tinydocker("rm", "-f", name) })
	testbed.Eventually(t, "its first process to be known", func() bool {
		states, err := filepath.Glob(m.run + "/containers/*/state.json")
		return err == nil && len(states) == 1
	})

	m.refused("exec", name, "touch", path)
	m.refused("exec", "-d", name, "touch", path)
	m.refused("cp", source, name+":"+path)

	require.NoError(t, held.Close())
	require.Zero(t, starting.Wait().Code)
	m.ok("exec", name, "true")
}

// pretend changes what the state of a container says of its first process, and returns
// what puts it back.
func (m *museum) pretend(name string, change func(program map[string]any)) (restore func()) {
	m.t.Helper()
	path := filepath.Join(m.run, "containers", m.ok("inspect", "-f", "{{.Id}}", name), "state.json")
	original, err := os.ReadFile(path)
	require.NoError(m.t, err)
	var state map[string]any
	require.NoError(m.t, json.Unmarshal(original, &state))
	change(state["program"].(map[string]any))
	changed, err := json.Marshal(state)
	require.NoError(m.t, err)
	require.NoError(m.t, os.WriteFile(path, changed, 0o600))
	return func() {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return // the container has ended, of an order to its watcher
		}
		require.NoError(m.t, os.WriteFile(path, original, 0o600))
	}
}

// startTime is field 22 of proc_pid_stat(5).
func startTime(t *testing.T, pid int) json.Number {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	return json.Number(strings.Fields(string(content))[21])
}

// A runtime that gives its own helpers the environment of the container lets an image
// choose LD_PRELOAD for a program that runs as root on the host, or GODEBUG, or the very
// variables by which the helper is told what to do (runc, commit 06f1e0765).
//
// Here helpers have an empty environment; the container's travels as data, and only
// execve(2) gets it.
func TestEnvironmentOfTheContainerReachesNoHelper(t *testing.T) {
	m := open(t)
	trap := []string{"LD_PRELOAD=/nonexistent/marker.so", "GODEBUG=inittrace=1", "TINYDOCKER_ROOT=/evil", "PATH=/bin"}
	plain := m.visit("-e " + strings.Join(trap, " -e "))
	ofImage := m.image("hostile", nil, "ENV "+strings.Join(trap, " "))

	for _, v := range []visitor{plain, ofImage} {
		m.everyWay(v, sh("exit 3"), func(t *testing.T, result testbed.Result) {
			require.NotContains(t, result.Stderr, "marker.so")
			require.NotContains(t, result.Stderr, "init mytinydocker/final", "no helper traces")
		})
	}
}

// Words that are joined with spaces and split again, or given to a shell, are not the
// words that the user has typed: a file's name becomes a command.
//
// Here they are JSON from the command line to execve(2).
func TestWordsAreNoShellLine(t *testing.T) {
	m := open(t)
	m.everywhere(m.visit(""), "a b||$(id)|x'y|;reboot|-x|", "printf", "%s|", "a b", "", "$(id)", "x'y", ";reboot", "-x")
}

// exec that only joins namespaces leaves the program that it starts without the
// container's limits: in the cgroup of the caller, with all capabilities and no filter.
//
// Here run and exec end in the same code (final/runtime/execute.go), and the process of
// exec is born in the container's cgroup.
func TestExecHasNoMoreThanRun(t *testing.T) {
	m := open(t)
	testbed.Require(t, testbed.CgroupPids)
	const look = `grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ulimit -n 2>/dev/null; cat /proc/self/limits; umask; ls -l /proc/self/ns | grep -o '[a-z]*:\[.*'`
	name := m.keeps(m.visit("--pids-limit 40 --ulimit nofile=100:200"), sh("("+look+") >/run/first; echo ready; exec sleep 1000")...)

	require.Equal(t, m.ok("exec", name, "cat", "/run/first"), m.ok(append([]string{"exec", name}, sh(look)...)...))

	pid := m.ok("inspect", "-f", "{{.State.Pid}}", name)
	running := m.command("exec", name, "sh", "-c", "echo here; exec sleep 1001").Start(t)
	running.Expect("here")
	require.Equal(t, cgroups(t, pid), cgroups(t, m.outsidePid(name, "1001")), "as the host sees it")
	require.Regexp(t, `^forked [123]?\d: `, m.tinydocker("exec", name, "forkbomb", "100").Stdout)
}

func cgroups(t *testing.T, pid string) string {
	t.Helper()
	content, err := os.ReadFile("/proc/" + pid + "/cgroup")
	require.NoError(t, err)
	require.Contains(t, string(content), "tinydocker")
	return string(content)
}

// outsidePid is the number that a process of a container, known by a word in its command
// line, has on the host.
func (m *museum) outsidePid(name, word string) string {
	m.t.Helper()
	for line := range strings.Lines(m.ok("top", name)) {
		if strings.Contains(line, word+"\n") || strings.HasSuffix(line, word) {
			return strings.Fields(line)[1]
		}
	}
	m.t.Fatalf("no process %s in %s", word, name)
	return ""
}

// A runtime that starts the program with its own environment and more hands it what the
// operator's shell has: tokens, passwords, agents (CVE-2020-14370 of podman and
// CVE-2021-3602 of buildah were such leaks).
//
// Here the environment is made anew: some defaults, the image's and -e.
func TestEnvironmentOfTheHostStaysOutside(t *testing.T) {
	m := open(t)
	m.everyWay(m.visit("-e OWN=1"), sh(`cat /proc/*/environ | tr '\0' '\n'; env`), func(t *testing.T, result testbed.Result) {
		require.Contains(t, result.Stdout, "OWN=1")
		require.NotContains(t, result.Stdout, "MUSEUM_SECRET")
	})
	name := m.keep(m.visit(""))
	m.ok("commit", name, "copy")
	require.NotContains(t, m.ok("image", "inspect", "copy"), "MUSEUM_SECRET")
	require.NoError(t, filepath.WalkDir(m.run, func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		if content, err := os.ReadFile(path); entry.Type().IsRegular() && err == nil {
			require.NotContains(t, string(content), "MUSEUM_SECRET", path)
		}
		return nil
	}))
}

// An allocator without a lock, with a file that is half written or read, gives two
// containers one address: each gets what is meant for the other. Cables that are named
// after five letters of an id collide.
//
// Here addresses are given under a lock, in a file that is replaced as a whole, and
// nobody but the owner gives one back (final/network/addresses.go).
func TestAddressIsOneContainers(t *testing.T) {
	testbed.Require(t, testbed.NFTables)
	m := open(t)
	m.ok("network", "create", "crowd")
	var running []*testbed.Process
	for index := range 6 {
		running = append(running, m.command("run", "-d", "--name", fmt.Sprint("c", index), "--network", "crowd", "base", "sleep", "1000").Start(t))
	}
	addresses := make(map[string]bool)
	for index, process := range running {
		name := fmt.Sprint("c", index)
		t.Cleanup(func() { m.tinydocker("rm", "-f", name) })
		require.Zero(t, process.Wait().Code)
		addresses[m.ok("inspect", "-f", "{{(index .NetworkSettings.Networks \"crowd\").IPAddress}}", name)] = true
	}
	require.Len(t, addresses, len(running))
}
