package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestVolumesOutliveContainers(t *testing.T) {
	host := newHost(t)
	host.ok("run", "--rm", "-v", "data:/srv/data", "base", "sh", "-c", "echo kept > /srv/data/file")

	require.Equal(t, "kept", host.ok("run", "--rm", "--mount", "type=volume,src=data,dst=/d,readonly", "base", "cat", "/d/file"))
	require.Equal(t, 1, host.tinydocker("run", "--rm", "-v", "data:/d:ro", "base", "touch", "/d/x").Code)
	require.Equal(t, "data", host.ok("volume", "ls", "-q"))
	host.ok("create", "--name", "user", "-v", "data:/d", "base", "true")
	require.Contains(t, host.tinydocker("volume", "rm", "data").Stderr, "in use by the container")
	host.ok("rm", "user")
	require.Equal(t, "data", host.ok("volume", "rm", "data"))
	require.Equal(t, 1, host.tinydocker("volume", "inspect", "data").Code)
}

// A volume begins with what the image has at its place, once.
func TestVolumesBeginWithTheImage(t *testing.T) {
	host := newHost(t)
	host.ok("run", "--name", "work", "base", "sh", "-c",
		"mkdir /srv/real && echo image > /srv/real/file && ln -s /srv/real /link && chown 12:34 /srv/real && chmod 1770 /srv/real && ln -s /etc/shadow /srv/real/trap")
	host.ok("commit", "-c", "VOLUME /srv/real", "work", "mine")

	require.Equal(t, "image\n1770 12 34", host.ok("run", "--rm", "-v", "one:/link", "mine", "sh", "-c", "cat /link/file; stat -c '%a %u %g' /srv/real"))
	require.Equal(t, "0", host.ok("run", "--rm", "-v", "two:/srv/real:nocopy", "mine", "sh", "-c", "ls /srv/real | wc -l"))
	host.ok("run", "--rm", "-v", "one:/v", "base", "sh", "-c", "rm /v/*; echo mine > /v/own")
	require.Equal(t, "own", host.ok("run", "--rm", "-v", "one:/srv/real", "mine", "ls", "/srv/real"))

	require.Equal(t, "image", host.ok("run", "--name", "own", "mine", "cat", "/srv/real/file"), "the image wants a volume there")
	require.Equal(t, "image", host.ok("run", "--rm", "--volumes-from", "own:ro", "base", "cat", "/srv/real/file"))
	require.Len(t, volumes(t, host), 3, "that of --rm is gone, and the one of own is not")
	host.ok("rm", "-v", "own")
	require.Len(t, volumes(t, host), 2)
	host.ok("volume", "prune", "-f", "--all")
	require.Empty(t, volumes(t, host))
}

func volumes(t *testing.T, host *host) []string {
	t.Helper()
	found, err := filepath.Glob(host.root + "/volumes/[^.]*")
	require.NoError(t, err)
	return found
}

func TestFoldersAndFilesOfTheHost(t *testing.T) {
	host := newHost(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte("host"), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(outside, "below"), 0o755))
	require.NoError(t, unix.Mount("none", filepath.Join(outside, "below"), "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(filepath.Join(outside, "below"), 0)) })

	require.Equal(t, "host", host.ok("run", "--rm", "-v", outside+"/file:/etc/motd:ro", "base", "cat", "/etc/motd"))
	host.ok("run", "--rm", "-v", outside+":/mnt", "base", "sh", "-c", "echo container > /mnt/new && echo x > /mnt/below/x")
	require.FileExists(t, filepath.Join(outside, "new"))
	require.FileExists(t, filepath.Join(outside, "below/x"))
	require.Equal(t, 1, host.tinydocker("run", "--rm", "-v", outside+":/mnt:ro", "base", "touch", "/mnt/below/y").Code, "read-only is all of it")
	require.Equal(t, "0", host.ok("run", "--rm", "--mount", "type=bind,src="+outside+",dst=/mnt,bind-recursive=disabled", "base", "sh", "-c", "ls /mnt/below | wc -l"))

	host.ok("run", "--rm", "-v", outside+"/made/deep:/mnt", "base", "touch", "/mnt/x")
	require.FileExists(t, filepath.Join(outside, "made/deep/x"))
	refused := host.tinydocker("run", "--rm", "--mount", "type=bind,src="+outside+"/missing,dst=/mnt", "base", "true")
	require.Equal(t, 125, refused.Code)
	require.NoDirExists(t, filepath.Join(outside, "missing"))
	requireOneLine(t, refused.Stderr)
	command := host.command("run", "--rm", "-v", "./file:/f", "base", "cat", "/f")
	command.Dir = outside
	require.Equal(t, "host", command.Run(t).Stdout)
	host.requireNothingLeft()
}

// A place in the container is resolved in the container.
func TestMountPlacesStayInTheContainer(t *testing.T) {
	host := newHost(t)
	outside, data := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, "file"), []byte("x"), 0o644))
	host.ok("run", "--name", "work", "base", "sh", "-c", "mkdir -p "+outside+" && ln -s "+outside+" /trap")
	host.ok("commit", "work", "trap")

	require.Equal(t, "x", host.ok("run", "--rm", "-v", data+":/trap/deep", "trap", "cat", outside+"/deep/file"))

	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestMountsThatMakeNoSense(t *testing.T) {
	host := newHost(t)
	for _, args := range [][]string{
		{"-v", "data:/proc/x"}, {"-v", "a:/d", "-v", "b:/d"}, {"-v", "a:/"}, {"-v", "../x/y"}, {"--mount", "type=nfs,dst=/x"}, {"--volumes-from", "nosuch"},
		{"-v", "a:/d", "--tmpfs", "/d"},
	} {
		result := host.tinydocker(append(append([]string{"run", "--rm"}, args...), "base", "true")...)
		require.Equal(t, 125, result.Code, args)
		requireOneLine(t, result.Stderr)
	}
	host.requireNothingLeft()
	require.Empty(t, volumes(t, host))
}

// Whatever is mounted in a container that is removed stays what it is.
func TestRemovingAContainerLeavesItsData(t *testing.T) {
	host := newHost(t)
	outside := t.TempDir()
	host.ok("run", "-d", "--name", "work", "-v", outside+":/mnt", "-v", "data:/data", "base", "sh", "-c", "echo x > /mnt/f; echo x > /data/f; "+patient)
	host.ready("work")

	host.ok("rm", "-f", "-v", "work")

	require.FileExists(t, filepath.Join(outside, "f"))
	require.FileExists(t, filepath.Join(host.root, "volumes/data/_data/f"))
}

// A container that is new and cannot be started is not kept, nor what was made for it.
func TestVolumesOfARunThatFailsGo(t *testing.T) {
	host := newHost(t)
	for _, flags := range [][]string{nil, {"-d"}, {"-d", "-t"}, {"--restart", "always", "-d"}} {
		result := host.tinydocker(slices.Concat([]string{"run"}, flags, []string{"-v", "/data", "-v", "kept:/kept", "base", "nosuch"})...)
		require.Equal(t, 127, result.Code, "%v: %s", flags, result.Stderr)
		require.Equal(t, "kept", strings.TrimSpace(host.ok("volume", "ls", "-q")), "%v", flags)
	}
	host.ok("volume", "rm", "kept")
	host.requireNothingLeft()
}
