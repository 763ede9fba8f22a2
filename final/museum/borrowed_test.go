package museum

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// digest is what must not change about the program itself.
func digest(t *testing.T) string {
	t.Helper()
	path := testbed.Build(t, "mytinydocker/final")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%x %d %v", sha256.Sum256(content), stat.Ino, stat.Mtim)
}

// CVE-2019-5736, runc, lxc and others: the runtime's own program is what the first
// process of a container is at first. Who has it started once more from inside, as
// /proc/self/exe, keeps it open, waits for its end and writes to it: the next container
// that root starts runs what the last one has written.
//
// Here init runs from a read-only mount that is attached nowhere, and no copy is made
// (final/runtime/self.go). The first two lines of defence are taken away: --init keeps
// the program running as process 1, and SYS_PTRACE looks through PR_SET_DUMPABLE.
func TestOverwritingTheRuntimesBinary(t *testing.T) {
	m := open(t)
	before := digest(t)

	m.everywhere(m.visit("--init"), "binary EACCES\n", "/probe", "binary", "1")
	m.everywhere(m.visit("--init --cap-add SYS_PTRACE"), "write ETXTBSY\nchange EROFS\n", "/probe", "binary", "1")

	require.Equal(t, before, digest(t))
}

// The same by way of an image's program that is a script for /proc/self/exe, or a link to
// it: the kernel then starts the runtime in the place of the program.
//
// Here a program is opened without the links of /proc (openat2(2),
// RESOLVE_NO_MAGICLINKS); and the interpreter of a script is a program on a read-only
// mount, without a file of the host, that has nothing to do in there.
func TestRunningTheRuntimesBinary(t *testing.T) {
	m := open(t)
	before := digest(t)
	v := m.image("hostile", []tar.Header{file("script", "#!/proc/self/exe\n"), link("link", "/proc/self/exe")})

	for _, program := range []string{"/proc/self/exe", "/link", "/proc/1/exe", "/proc/self/fd/3", "/proc/self/fd/5", "/dev/fd/6"} {
		m.everyWay(v, []string{program, "version"}, func(t *testing.T, result testbed.Result) {
			require.Contains(t, []int{126, 127}, result.Code, "%s: %s", program, result.Stdout)
			require.Empty(t, result.Stdout)
		})
	}
	m.everyWay(v, []string{"/script"}, func(t *testing.T, result testbed.Result) { require.NotZero(t, result.Code) })
	require.Equal(t, before, digest(t))
}

// CVE-2016-9962 and CVE-2015-3627: a file of the host that is open in the container's
// first process is a way to the host.
//
// Here every file but the standard ones is closed by execve(2), whoever has opened it,
// the shell that calls us included.
func TestFilesThatTheCallerLeavesOpen(t *testing.T) {
	m := open(t)
	v, name := m.visit(""), testbed.Name(t)

	require.Equal(t, "files done\n", m.careless(v.words("run", "--rm", []string{"/probe", "files"})...).Run(t).Stdout)
	m.careless(v.words("run", "-d --name "+name, []string{"/probe", "files"})...).Run(t)
	m.ok("wait", name)
	require.Equal(t, "files done\n", m.tinydocker("logs", name).Stdout)
	m.ok("rm", name)
	require.Equal(t, "files done\n", m.careless("exec", m.keep(v), "/probe", "files").Run(t).Stdout)
}

// CVE-2024-21626, runc: it still had a folder of the host open when it entered the
// working folder of the program. With -w /proc/self/fd/7, or an image that says so, the
// program began on the host, with all of its files at "..".
//
// Here the working folder is opened without the links of /proc, and the kernel is asked
// whether it is inside (final/runtime/execute.go).
func TestWorkingFolderByWayOfAnOpenFile(t *testing.T) {
	m := open(t)
	v := m.image("linked", []tar.Header{link("cwd", "/proc/self/fd/8")})
	name := m.keep(v)
	folders := []string{"/proc/self/fd/8/etc", "/proc/self/cwd/..", "/proc/1/root", "/cwd", "/dev/fd/8"}
	for number := 3; number < 12; number++ {
		folders = append(folders, "/proc/self/fd/"+strconv.Itoa(number))
	}
	outside := func(args ...string) {
		result := m.careless(args...).Run(t)
		require.Equal(t, 125, result.Code, "%q: %s", args, result.Stdout)
		require.Empty(t, result.Stdout)
	}
	for _, folder := range folders {
		outside("run", "--rm", "--network", "none", "-w", folder, "linked", "ls", "..")
		outside("exec", "-w", folder, name, "ls", "..")
	}
	require.Zero(t, m.imports("says", archive(t), "WORKDIR /proc/self/fd/8").Code)
	outside("run", "--rm", "--network", "none", "says", "ls", "..")
}

// CVE-2016-9962, runc and Docker: exec brings a process of the host into the container,
// and for a moment that may do more than those who are there. Root in the container
// traced it, and took its open files.
//
// Here the process that joins is not dumpable, has the capabilities of the container and
// no file of the host, from the moment on in which it can be seen (final/runtime/enter.c).
func TestSpyingOnExec(t *testing.T) {
	m := open(t)
	name := m.keeps(m.visit(""), sh("echo ready; exec /probe spy 15")...)
	for m.ok("inspect", "-f", "{{.State.Status}}", name) == "running" {
		m.tinydocker("exec", name, "true") // the last one may come too late
	}

	require.Equal(t, "ready\nspy done\nmet done\n", m.tinydocker("logs", name).Stdout)
}

// CVE-2022-1227: podman top ran the nsenter of the image. CVE-2026-41567: Docker unpacked
// with the xz of the container. CVE-2019-14271: docker cp loaded libraries of the
// container, after chroot. Who runs a program of a container for a purpose of its own has
// it run with its own rights.
//
// Here nothing is run but what the user asks to run: tar, gzip, top and all else is Go,
// and the program is linked statically.
func TestNothingOfTheImageIsRunForUs(t *testing.T) {
	m := open(t)
	path := marker(t)
	script := "#!/bin/sh\necho ran >>" + path + "\n"
	var entries []tar.Header
	for _, name := range []string{"tar", "gzip", "xz", "unpigz", "ps", "nsenter", "ip", "iptables", "mount", "umount", "getent", "ldconfig", "id"} {
		entries = append(entries, file("usr/local/bin/"+name, script), file("usr/local/sbin/"+name, script))
	}
	entries = append(entries, file("lib/x86_64-linux-gnu/libnss_files.so.2", script), file("etc/nsswitch.conf", "passwd: marker files\n"))
	name := m.keep(m.image("hostile", entries))
	here := folder(t, "x")

	m.ok("exec", "-u", "nobody", name, "true")
	m.ok("top", name)
	m.ok("cp", here+"/x", name+":/tmp/x")
	m.ok("cp", name+":/etc", here+"/etc")
	m.ok("diff", name)
	m.ok("stats", "--no-stream", name)
	m.ok("commit", name, "copy")
	m.ok("export", "-o", here+"/export.tar", name)
	m.ok("save", "-o", here+"/save.tar", "copy")
	m.ok("logs", name)

	require.Equal(t, 1, m.tinydocker("exec", name, "ls", path).Code, "nor in the container")
}

// A pid from a file is a number that anybody may have by now: a runtime that kills what
// it names kills the host's processes; 0 and -1 are whole groups.
//
// Here signals go through a pidfd of a process whose start time and boot are what was
// recorded (final/engine/process.go).
func TestKillingAProcessOfTheHost(t *testing.T) {
	m := open(t)
	other := testbed.Command{Path: "/bin/sleep", Args: []string{"1000"}}.Start(t)
	for _, pid := range []any{other.Pid(), -other.Pid(), 0, -1, 1, os.Getpid(), os.Getppid(), 1 << 31, 1 << 40, "1"} {
		name := m.keep(m.visit(""))
		restore := m.pretend(name, func(program map[string]any) { program["pid"] = pid })

		for _, args := range [][]string{{"kill", name}, {"stop", "-t", "0", name}, {"kill", "-s", "HUP", name}} {
			m.tinydocker(args...)
			require.Contains(t, "RS", stateOf(t, other.Pid()), "%q with %v", args, pid)
		}
		restore()
		m.tinydocker("rm", "-f", name)
	}
}

// stateOf is what a process does, or Z if it is dead (proc_pid_stat(5)).
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return "Z"
	}
	require.NoError(t, err)
	return strings.Fields(string(content))[2]
}

// CVE-2020-15257, containerd: its shim listened on an abstract socket, which belongs to a
// network namespace and to no folder. A container with the network of the host could give
// it orders.
//
// Here the watcher of a container listens on a socket that is a file, in a folder of
// root's.
func TestOrdersToTheWatcherOfAContainer(t *testing.T) {
	m := open(t)
	name := m.keep(m.visit("--network host"))

	require.NotContains(t, m.ok("exec", name, "cat", "/proc/net/unix"), " @")

	sockets := 0
	require.NoError(t, filepath.WalkDir(m.run, func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		if entry.IsDir() {
			require.Zero(t, info.Mode().Perm()&0o077, path)
		}
		if entry.Type() == os.ModeSocket {
			sockets++
			require.Zero(t, info.Mode().Perm()&0o077, path)
		}
		return nil
	}))
	require.NotZero(t, sockets)
}
