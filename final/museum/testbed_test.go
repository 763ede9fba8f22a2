package museum

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/network"
	"mytinydocker/internal/base"
	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// museum is a machine of its own for one exhibit, with the program on it and nothing
// else.
type museum struct {
	t         *testing.T
	root, run string
}

func open(t *testing.T) *museum {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.Overlay, testbed.BaseImage)
	state := testbed.StateRoot(t)
	m := &museum{t: t, root: filepath.Join(state, "lib"), run: filepath.Join(state, "run")}
	t.Cleanup(func() {
		networks, err := network.Open(network.Options{Root: m.root, Run: m.run})
		require.NoError(t, err)
		require.NoError(t, networks.Reset())
	})
	return m
}

// probePath is where the visitor is: on the host, and by a mount on /probe in
// containers.
func probePath(t *testing.T) string {
	t.Helper()
	return testbed.Build(t, "mytinydocker/final/museum/probe")
}

// command is a command line of tinydocker, given by somebody with a secret.
func (m *museum) command(args ...string) testbed.Command {
	m.t.Helper()
	return testbed.Command{
		Path: testbed.Build(m.t, "mytinydocker/final"), Args: args,
		Env: append(os.Environ(), "TINYDOCKER_ROOT="+m.root, "TINYDOCKER_RUN="+m.run, "MUSEUM_SECRET=1", "TERM=xterm"),
	}
}

func (m *museum) tinydocker(args ...string) testbed.Result {
	m.t.Helper()
	return m.command(args...).Run(m.t)
}

// ok is what a command prints that must succeed.
func (m *museum) ok(args ...string) string {
	m.t.Helper()
	result := m.tinydocker(args...)
	require.Zero(m.t, result.Code, "%q: %s", args, result.Stderr)
	return strings.TrimSuffix(result.Stdout, "\n")
}

// refused is how a command is refused: before anything has happened, with one line.
func (m *museum) refused(args ...string) string {
	m.t.Helper()
	result := m.tinydocker(args...)
	require.NotZero(m.t, result.Code, "%q: %s", args, result.Stdout)
	require.Equal(m.t, 1, strings.Count(result.Stderr, "\n"), "%q: %q", args, result.Stderr)
	return result.Stderr
}

// visitor is a container to be run: flags as one types them, an image, and words.
type visitor struct {
	flags string
	image string // the built-in one by default
}

func (v visitor) words(command, more string, words []string) []string {
	m := append([]string{command}, strings.Fields(more)...)
	image := v.image
	if image == "" {
		image = "base"
	}
	return append(append(append(m, strings.Fields(v.flags)...), image), words...)
}

// visit is what most visitors need: the probe, and no network, which takes time.
func (m *museum) visit(flags string) visitor {
	m.t.Helper()
	if !strings.Contains(flags, "--network") {
		flags += " --network none"
	}
	return visitor{flags: "-v " + probePath(m.t) + ":/probe:ro " + flags}
}

// sh are the words of a line of shell.
func sh(line string) []string { return []string{"sh", "-c", line} }

// runs runs words in a container that is removed afterwards.
func (m *museum) runs(v visitor, words ...string) testbed.Result {
	m.t.Helper()
	return m.tinydocker(v.words("run", "--rm", words)...)
}

// keep starts a container that waits, and returns its name.
func (m *museum) keep(v visitor) string {
	m.t.Helper()
	return m.keeps(v, sh("echo ready; exec sleep 1000")...)
}

// keeps starts words in the background and waits until they print "ready".
func (m *museum) keeps(v visitor, words ...string) string {
	m.t.Helper()
	name := testbed.Name(m.t)
	m.ok(v.words("run", "-d --name "+name, words)...)
	m.t.Cleanup(func() { m.tinydocker("rm", "-f", name) })
	testbed.Eventually(m.t, "the container is ready", func() bool { return strings.Contains(m.tinydocker("logs", name).Stdout, "ready\n") })
	return name
}

// everywhere does the same in the three ways in which a program comes into a
// container, and each must end with what is wanted on standard output.
func (m *museum) everywhere(v visitor, want string, words ...string) {
	m.t.Helper()
	m.everyWay(v, words, func(t *testing.T, result testbed.Result) {
		require.Equal(t, want, result.Stdout, "%d: %s", result.Code, result.Stderr)
	})
}

// everyWay does the same with a check of one's own.
func (m *museum) everyWay(v visitor, words []string, check func(t *testing.T, result testbed.Result)) {
	m.t.Helper()
	m.t.Run("run", func(t *testing.T) { check(t, m.in(t).runs(v, words...)) })
	m.t.Run("run -d", func(t *testing.T) {
		m := m.in(t)
		name := testbed.Name(t)
		started := m.tinydocker(v.words("run", "-d --name "+name, words)...)
		if started.Code == 0 {
			code, err := strconv.Atoi(m.ok("wait", name))
			require.NoError(t, err)
			started = m.tinydocker("logs", name)
			started.Code = code
			m.ok("rm", name)
		}
		check(t, started)
	})
	m.t.Run("exec", func(t *testing.T) {
		m := m.in(t)
		check(t, m.tinydocker(append([]string{"exec", m.keep(v)}, words...)...))
	})
}

// everyRun is everyWay for containers that cannot be started, or end at once: nobody can
// exec there.
func (m *museum) everyRun(v visitor, words []string, check func(t *testing.T, result testbed.Result)) {
	m.t.Helper()
	check(m.t, m.tinydocker(v.words("run", "--rm", words)...))
	name := testbed.Name(m.t)
	check(m.t, m.tinydocker(v.words("run", "-d --name "+name, words)...))
	m.tinydocker("rm", "-f", name) // there may be none
}

// careless is the command line of a caller who has left files of the host open.
func (m *museum) careless(args ...string) testbed.Command {
	m.t.Helper()
	return careless(m.command(args...))
}

func careless(command testbed.Command) testbed.Command {
	command.Path, command.Args = "/bin/sh", append([]string{"-c", `exec 7</proc/version 8</ 9</etc; exec "$@"`, "sh", command.Path}, command.Args...)
	return command
}

// in is the same museum for a subtest.
func (m *museum) in(t *testing.T) *museum { return &museum{t: t, root: m.root, run: m.run} }

// marker is the path of a file that is nowhere, and must not come to be on the host.
func marker(t *testing.T) string {
	t.Helper()
	path := filepath.Join("/tmp", testbed.Name(t))
	t.Cleanup(func() {
		require.NoFileExists(t, path, "the host has been reached")
	})
	return path
}

// folder is one of the host's that others may reach, with files in it.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	path := testbed.StateRoot(t)
	require.NoError(t, os.Chmod(path, 0o755))
	for _, name := range files {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte(name+" of the host\n"), 0o644))
	}
	return path
}

// requireOnly checks that a folder of the host holds these files as they were, and no
// others.
func requireOnly(t *testing.T, path string, files ...string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(path, entry.Name()))
		require.NoError(t, err)
		require.Equal(t, entry.Name()+" of the host\n", string(content))
		found = append(found, entry.Name())
	}
	require.ElementsMatch(t, files, found)
}

// Entries of an image that somebody has made with care.
func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func dir(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }

// file has its content in Linkname, which a file has no other use for.
func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Linkname: content}
}

// without leaves out what the built-in image has.
func without(name string) tar.Header { return tar.Header{Typeflag: tar.TypeXHeader, Name: name} }

// archive is the built-in root file system without what entries replace, and with
// entries after it.
func archive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	replaced := make(map[string]bool)
	for _, entry := range entries {
		replaced[strings.Trim(entry.Name, "./")] = true
	}
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	original, err := base.Rootfs()
	require.NoError(t, err)
	defer original.Close()
	for reader := tar.NewReader(original); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		first, _, _ := strings.Cut(strings.Trim(header.Name, "./"), "/")
		if replaced[first] || replaced[strings.Trim(header.Name, "./")] {
			continue
		}
		require.NoError(t, writer.WriteHeader(header))
		_, err = io.Copy(writer, reader)
		require.NoError(t, err)
	}
	write(t, writer, entries)
	return packed.Bytes()
}

func write(t *testing.T, writer *tar.Writer, entries []tar.Header) {
	t.Helper()
	for _, entry := range entries {
		if entry.Typeflag == tar.TypeXHeader {
			continue
		}
		content := ""
		if entry.Typeflag == tar.TypeReg {
			content, entry.Linkname = entry.Linkname, ""
			entry.Size = int64(len(content))
		}
		require.NoError(t, writer.WriteHeader(&entry))
		_, err := io.WriteString(writer, content)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
}

// imports makes an image of an archive, and may be refused.
func (m *museum) imports(name string, packed []byte, changes ...string) testbed.Result {
	m.t.Helper()
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "-c", change)
	}
	command := m.command(append(args, "-", name)...)
	command.Stdin = bytes.NewReader(packed)
	return command.Run(m.t)
}

// image makes an image of the built-in one and entries.
func (m *museum) image(name string, entries []tar.Header, changes ...string) visitor {
	m.t.Helper()
	result := m.imports(name, archive(m.t, entries...), changes...)
	require.Zero(m.t, result.Code, result.Stderr)
	v := m.visit("")
	v.image = name
	return v
}
