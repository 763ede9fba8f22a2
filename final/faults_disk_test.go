package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// smallHost has its lasting state on a disk with little room, as the options of a tmpfs
// (tmpfs(5)) say, and what ends with the boot on another one, as everywhere.
func smallHost(t *testing.T, options string) *host {
	t.Helper()
	host := newHost(t)
	require.NoError(t, os.MkdirAll(host.root, 0o700))
	require.NoError(t, unix.Mount("none", host.root, "tmpfs", 0, options+",mode=0700"))
	t.Cleanup(func() {
		host.resetNetworks() // as long as it is known which there are
		require.NoError(t, unix.Unmount(host.root, unix.MNT_DETACH))
	})
	return host
}

// fill leaves no room on the disk, until it is called off.
func (h *host) fill() (empty func()) {
	h.t.Helper()
	ballast := filepath.Join(h.root, "ballast")
	file, err := os.Create(ballast)
	require.NoError(h.t, err)
	defer file.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		require.ErrorIs(h.t, err, unix.ENOSPC)
	}
	return func() { require.NoError(h.t, os.Remove(ballast)) }
}

// fillInodes leaves no room for another file.
func (h *host) fillInodes() (empty func()) {
	h.t.Helper()
	folder := filepath.Join(h.root, "ballast")
	require.NoError(h.t, os.Mkdir(folder, 0o700))
	for {
		file, err := os.CreateTemp(folder, "")
		if err != nil {
			require.ErrorIs(h.t, err, unix.ENOSPC)
			return func() { require.NoError(h.t, os.RemoveAll(folder)) }
		}
		file.Close()
	}
}

// Whatever is to be written to a full disk: it is an error of one line, all that there
// was is as it was, and nothing is left. With room, the same commands work.
func TestFullDiskIsAnErrorOfEachCommand(t *testing.T) {
	for kind, test := range map[string]struct {
		options string
		fill    func(*host) func()
	}{
		"no blocks": {"size=64m", (*host).fill}, "no inodes": {"nr_inodes=2000", (*host).fillInodes},
	} {
		t.Run(kind, func(t *testing.T) {
			host := smallHost(t, test.options)
			subnets := map[string]string{"no blocks": "10.1", "no inodes": "10.2"}[kind]
			host.ok("run", "--name", "work", "base", "sh", "-c", "echo data >/srv/file; echo hello")
			host.ok("volume", "create", "data")
			host.ok("network", "create", "--subnet", subnets+".0.0/24", "blue")
			before := []string{host.ok("ps", "-a"), host.ok("images"), host.ok("volume", "ls"), host.ok("network", "ls")}
			commands := map[string][]string{
				"run": {"run", "--rm", "base", "true"}, "create": {"create", "--name", "new", "base", "true"}, "commit": {"commit", "work", "mine"},
				"tag": {"tag", "base", "mine"}, "volume": {"volume", "create", "more"}, "network": {"network", "create", "--subnet", subnets + ".1.0/24", "red"},
				"copy up": {"run", "--rm", "-v", "filled:/etc", "base", "true"}, "detached": {"run", "-d", "--name", "new", "base", "true"},
				"start": {"start", "work"}, "cp": {"cp", "/etc/passwd", "work:/srv/passwd"},
			}
			empty := test.fill(host)
			for name, args := range commands {
				result := host.tinydocker(args...)
				if result.Code == 0 { // there is room for a few bytes where others are
					require.Equal(t, "cp", name)
					continue
				}
				requireOneLine(t, result.Stderr)
				require.Regexp(t, "no space left|smaller disk|fewer|larger than|more than", result.Stderr, name)
			}
			after := []string{host.ok("ps", "-a"), host.ok("images"), host.ok("volume", "ls"), host.ok("network", "ls")}
			for index := range before {
				require.Len(t, strings.Split(after[index], "\n"), len(strings.Split(before[index], "\n")), after[index])
			}
			empty()

			require.Contains(t, host.ok("cp", "work:/srv/file", "-"), "data\n")
			delete(commands, "detached")
			for name, args := range commands {
				result := host.tinydocker(args...)
				require.Zero(t, result.Code, "%s: %s", name, result.Stderr)
			}
			host.ok("rm", "new")
			host.ok("system", "prune", "-f")
			host.requireSound()
		})
	}
}

// To remove something is how a disk gets room.
func TestFullDiskKeepsNobodyFromStoppingAndRemoving(t *testing.T) {
	host := smallHost(t, "size=64m")
	host.ok("create", "--name", "idle", "base", "true")
	host.ok("volume", "create", "data")
	name := host.detached([]string{"--restart", "always"}, "sh", "-c", patient)
	other := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	host.ready(other)
	defer host.fill()()

	host.ok("stop", other)
	require.Contains(t, host.status(other), "Exited (7)", "it is known, although nobody could write it down")
	host.ok("rm", "-f", name)
	host.ok("rm", "idle")
	host.ok("rm", other)
	host.ok("volume", "rm", "data")
	require.NotContains(t, host.ok("ps", "-a"), name)
}

// A program that fills the disk itself keeps what it has written, and how it has ended
// is known as soon as there is room.
func TestProgramThatFillsTheDiskKeepsItsData(t *testing.T) {
	host := smallHost(t, "size=64m")
	ran := host.tinydocker("run", "--name", "glutton", "base", "sh", "-c", "echo precious >/srv/file; cat /dev/zero >/srv/zero; sync; exit 3")
	require.NotZero(t, ran.Code)
	require.Contains(t, host.status("glutton"), "Exited (3)")
	empty := filepath.Join(host.root, "containers", host.ok("ps", "-aq", "--no-trunc"), "upper/srv/zero")
	require.NoError(t, os.Remove(empty))

	require.Contains(t, host.status("glutton"), "Exited (3)")
	require.Equal(t, "3", host.ok("inspect", "-f", "{{.State.ExitCode}}", "glutton"))
	require.Contains(t, host.ok("cp", "glutton:/srv/file", "-"), "precious")
	host.ok("rm", "glutton")
}

// The log of a container that prints on a full disk says how much is lost, and the
// container never waits.
func TestFullDiskDoesNotStopWhoPrints(t *testing.T) {
	host := smallHost(t, "size=64m")
	name := host.detached(nil, "sh", "-c", `trap "go=1" USR1; trap "end=1" USR2; echo ready
		until [ "$go" ]; do sleep 0.02; done; head -c 3000000 /dev/zero | tr "\0" "\n"; echo finished
		until [ "$end" ]; do sleep 0.02; done; echo last`)
	host.ready(name)
	attached := host.command("attach", "--no-stdin", name).Start(t)
	empty := host.fill()
	host.ok("kill", "-s", "USR1", name)
	attached.Expect("finished")
	empty()
	host.ok("kill", "-s", "USR2", name)

	require.Equal(t, "0", host.ok("wait", name))

	logs := host.tinydocker("logs", name)
	require.True(t, strings.HasPrefix(logs.Stdout, "ready\n"))
	require.True(t, strings.HasSuffix(logs.Stdout, "\nlast\n"))
	require.Regexp(t, `^tinydocker: \d+ bytes of output are lost: there was no room for them\n$`, logs.Stderr)
}

// A disk that has become read-only can be looked at.
func TestReadOnlyDiskIsAnErrorOfWhoWrites(t *testing.T) {
	host := smallHost(t, "size=64m")
	host.ok("run", "--name", "work", "-v", "data:/d", "base", "echo", "hello")
	require.NoError(t, unix.Mount("", host.root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))

	require.Contains(t, host.status("work"), "Exited (0)")
	require.Equal(t, "hello", host.ok("logs", "work"))
	host.ok("volume", "ls")
	host.ok("inspect", "work")
	for _, args := range [][]string{{"run", "--rm", "base", "true"}, {"rm", "work"}, {"start", "work"}, {"volume", "create", "more"}, {"commit", "work", "x"}} {
		result := host.tinydocker(args...)
		require.NotZero(t, result.Code, args)
		requireOneLine(t, result.Stderr)
		require.Contains(t, result.Stderr, "read-only file system")
	}

	require.NoError(t, unix.Mount("", host.root, "", unix.MS_REMOUNT, ""))
	require.Equal(t, "work", host.ok("rm", "work"))
	host.requireNothingLeft()
}
