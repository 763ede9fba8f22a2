package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// each state of a container that files are copied from and to.
func inEachState(t *testing.T, do func(t *testing.T, host *host, name string)) {
	for _, state := range []string{"running", "stopped", "created"} {
		t.Run(state, func(t *testing.T) {
			host := newHost(t)
			name := testbed.Name(t)
			if state == "created" {
				host.ok("create", "--name", name, "base", "true")
			} else {
				host.ok("run", "-d", "--name", name, "base", "sh", "-c", patient)
				host.ready(name)
			}
			if state == "stopped" {
				host.ok("stop", name)
			}
			do(t, host, name)
			host.ok("rm", "-f", name)
			host.requireNothingLeft()
		})
	}
}

func TestFilesAreCopiedBothWays(t *testing.T) {
	inEachState(t, func(t *testing.T, host *host, name string) {
		here := t.TempDir()
		write(t, here+"/file", "one\n")
		write(t, here+"/tree/a", "a\n")
		write(t, here+"/tree/sub/b", "b\n")
		require.NoError(t, os.Symlink("a", here+"/tree/link"))
		require.NoError(t, os.Chown(here+"/tree/a", 1234, 1235))

		for _, args := range [][]string{
			{here + "/file", name + ":/tmp"}, {here + "/file", name + ":/tmp/renamed"}, {here + "/tree", name + ":/tmp"},
			{here + "/tree", name + ":/tmp/copy"}, {here + "/tree/.", name + ":/opt/"}, {"-a", here + "/tree/.", name + ":/srv"},
		} {
			require.Empty(t, host.ok(append([]string{"cp"}, args...)...))
		}
		back := filepath.Join(here, "back")
		require.NoError(t, os.Mkdir(back, 0o755))
		for _, args := range [][]string{
			{name + ":/tmp/file", back}, {name + ":/tmp/renamed", back + "/again"}, {name + ":/tmp/tree", back}, {name + ":/tmp/copy/.", back + "/new"},
			{name + ":opt/sub/b", back + "/"}, {"-a", name + ":/srv/.", back + "/kept"},
		} {
			require.Empty(t, host.ok(append([]string{"cp"}, args...)...))
		}

		for path, want := range map[string]string{
			"file": "one\n", "again": "one\n", "tree/a": "a\n", "tree/sub/b": "b\n", "tree/link": "a\n", "new/sub/b": "b\n", "b": "b\n", "kept/a": "a\n",
		} {
			content, err := os.ReadFile(filepath.Join(back, path))
			require.NoError(t, err)
			require.Equal(t, want, string(content), path)
		}
		target, err := os.Readlink(back + "/tree/link")
		require.NoError(t, err)
		require.Equal(t, "a", target)
		require.Equal(t, []uint32{0, 0}, owner(t, back+"/tree/a"))
		require.Equal(t, []uint32{1234, 1235}, owner(t, back+"/kept/a"))
	})
}

func owner(t *testing.T, path string) []uint32 {
	t.Helper()
	stat := statOf(t, path)
	return []uint32{stat.Uid, stat.Gid}
}

func TestCopiesThatMakeNoSense(t *testing.T) {
	host := newHost(t)
	host.ok("create", "--name", "copied", "base", "true")
	here := t.TempDir()
	write(t, here+"/file", "x")
	require.NoError(t, os.Mkdir(here+"/folder", 0o755))
	for name, args := range map[string][]string{
		"missing source":        {"copied:/no/such", here},
		"missing local source":  {here + "/nosuch", "copied:/"},
		"missing parent":        {here + "/file", "copied:/no/such/file"},
		"missing folder":        {here + "/file", "copied:/tmp/new/"},
		"folder onto a file":    {here + "/folder", "copied:/etc/passwd"},
		"file with a slash":     {"copied:/etc/passwd/", here},
		"no container":          {here + "/file", here + "/other"},
		"two containers":        {"copied:/etc/passwd", "copied:/tmp"},
		"unknown container":     {"nosuch:/etc/passwd", here},
		"archive into a file":   {"-", "copied:/etc/passwd"},
		"archive into nowhere":  {"-", "copied:/no/such"},
		"one argument":          {"copied:/etc/passwd"},
		"file below a file":     {here + "/file", "copied:/etc/passwd/x"},
		"slash behind a target": {here + "/file", "copied:/etc/passwd/"},
	} {
		t.Run(name, func(t *testing.T) { host.refused(1, append([]string{"cp"}, args...)...) })
	}
	host.ok("rm", "copied")
	host.requireNothingLeft()
}

func TestArchivesAreCopied(t *testing.T) {
	inEachState(t, func(t *testing.T, host *host, name string) {
		here := t.TempDir()
		write(t, here+"/tree/a", "a\n")
		host.ok("cp", here+"/tree", name+":/tmp")
		packed := host.tinydocker("cp", name+":/tmp/tree", "-")
		require.Zero(t, packed.Code, packed.Stderr)
		command := host.command("cp", "-", name+":/opt")
		command.Stdin = bytes.NewReader([]byte(packed.Stdout))
		require.Equal(t, testbed.Result{}, command.Run(t))

		host.ok("cp", name+":/opt/tree/a", here+"/back")

		content, err := os.ReadFile(here + "/back")
		require.NoError(t, err)
		require.Equal(t, "a\n", string(content))
		damaged := host.command("cp", "-", name+":/opt")
		damaged.Stdin = strings.NewReader("this is no archive at all, and long enough to be looked at")
		result := damaged.Run(t)
		require.Equal(t, 1, result.Code)
		requireOneLine(t, result.Stderr)
	})
}

// A container's links are the container's: on the host they lead nowhere.
func TestCopyDoesNotFollowLinksOutOfTheContainer(t *testing.T) {
	inEachState(t, func(t *testing.T, host *host, name string) {
		here := t.TempDir()
		outside := filepath.Join(here, "outside")
		require.NoError(t, os.Mkdir(outside, 0o755))
		write(t, outside+"/secret", "of the host")
		write(t, here+"/file", "copied")
		require.NoError(t, os.Symlink(outside, here+"/trap"))
		require.NoError(t, os.Symlink(outside+"/secret", here+"/trapfile"))
		require.NoError(t, os.Symlink("../../../../../../.."+outside, here+"/climber"))
		for _, trap := range []string{"trap", "trapfile", "climber"} {
			host.ok("cp", here+"/"+trap, name+":/"+trap)
		}

		for _, path := range []string{"/trap/secret", "/climber/secret", "/trap/"} {
			host.refused(1, "cp", name+":"+path, here+"/stolen")
		}
		host.refused(1, "cp", "-L", name+":/trapfile", here+"/stolen")
		host.refused(1, "cp", here+"/file", name+":/trap/planted")
		host.tinydocker("cp", here+"/file", name+":/trapfile")
		host.tinydocker("cp", here+"/file", name+":/trap")

		require.NoFileExists(t, here+"/stolen")
		require.NoFileExists(t, outside+"/planted")
		content, err := os.ReadFile(outside + "/secret")
		require.NoError(t, err)
		require.Equal(t, "of the host", string(content))
	})
}

func TestDiffListsChanges(t *testing.T) {
	host := newHost(t)
	require.Zero(t, host.tinydocker("run", "--name", "changed", "base", "sh", "-c", "echo x >/tmp/new; rm /etc/group; echo y >>/etc/passwd").Code)

	require.Equal(t, "C /etc\nD /etc/group\nC /etc/passwd\nC /tmp\nA /tmp/new", host.ok("diff", "changed"))

	host.ok("rm", "changed")
	host.refused(1, "diff", "changed")
	host.ok("create", "--name", "same", "base", "true")
	require.Empty(t, host.ok("diff", "same"))
	host.ok("rm", "same")
}
