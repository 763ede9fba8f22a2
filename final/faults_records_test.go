package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// spoilt is what can become of a record: cut off, mixed up, or written by somebody else.
func spoilt() map[string]string {
	return map[string]string{
		"empty": "", "cut off": `{"id": "`, "null": "null", "wrong types": `{"id": 7, "name": {}, "Name": [], "manifest": 3}`,
		"of another version": `{"version": 99, "what": "ever"}`, "binary": "\x7fELF\x00\x01\xff\xfe", "very long": strings.Repeat("[", 10<<20),
	}
}

// spoil gives a file each content that is none, and calls check after each. The file is
// as it was then.
func spoil(t *testing.T, path string, check func(t *testing.T)) {
	t.Helper()
	before := read(t, path)
	for name, content := range spoilt() {
		t.Run(name, func(t *testing.T) {
			write(t, path, content)
			check(t)
		})
	}
	require.NoError(t, os.Remove(path))
	t.Run("a folder", func(t *testing.T) {
		require.NoError(t, os.Mkdir(path, 0o700))
		check(t)
	})
	require.NoError(t, os.RemoveAll(path))
	write(t, path, before)
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// as is the same host for a part of a test.
func (h *host) as(t *testing.T) *host { return &host{t: t, root: h.root, run: h.run} }

// soundHost has a container that nothing is wrong with.
func soundHost(t *testing.T) *host {
	t.Helper()
	host := newHost(t)
	host.ok("create", "--name", "sound", "base", "echo", "hello")
	return host
}

// requireOthersWork checks that nothing but what is damaged has a damage.
func (h *host) requireOthersWork() {
	h.t.Helper()
	require.Contains(h.t, h.ok("ps", "-a", "-s"), "sound")
	require.Equal(h.t, "hi", h.ok("run", "--rm", "base", "echo", "hi"))
	require.Equal(h.t, "hello", h.ok("start", "-a", "sound"))
	h.ok("images")
	h.ok("network", "ls")
	h.ok("volume", "ls")
	h.ok("system", "df")
	h.ok("info")
}

// requireChecked has check name what is damaged.
func (h *host) requireChecked(what string) {
	h.t.Helper()
	checked := h.checked()
	require.Equal(h.t, 1, checked.Code, checked.Stderr)
	require.Contains(h.t, checked.Stdout, what)
}

func TestSpoiltRecordOfAContainer(t *testing.T) {
	machine := soundHost(t)
	id := machine.ok("create", "--name", "spoilt", "base", "true")
	record := filepath.Join(machine.root, "containers", id, "config.json")

	spoil(t, record, func(t *testing.T) {
		host := machine.as(t)
		require.Regexp(t, id[:12]+`.* Dead `, host.ok("ps", "-a"))
		host.refused(1, "start", "spoilt")
		require.Contains(t, host.ok("inspect", "spoilt"), `"Dead": true`)
	})
	write(t, record, "{")
	machine.requireOthersWork()
	machine.refused(1, "logs", "spoilt")
	machine.refused(1, "rename", "spoilt", "other")
	machine.ok("stop", "spoilt")
	machine.requireChecked(id[:12])
	machine.ok("rm", "-f", "spoilt")
	machine.ok("create", "--name", "spoilt", "base", "true") // the name is free
	machine.ok("rm", "spoilt")

	again := machine.ok("create", "--name", "spoilt", "base", "true")
	require.NoError(t, os.Remove(filepath.Join(machine.root, "containers", again, "config.json")))
	require.NotContains(t, machine.ok("ps", "-a"), "spoilt")
	machine.ok("rm", "-f", again)
}

// Whoever runs is known to its watcher and to its cgroup, whatever is written down.
func TestSpoiltStateOfARunningContainer(t *testing.T) {
	machine := soundHost(t)
	name := machine.detached([]string{"--stop-timeout", "60"}, "sh", "-c", patient)
	machine.ready(name)
	state := filepath.Join(machine.run, "containers", machine.ok("inspect", "-f", "{{.ID}}", name), "state.json")

	spoil(t, state, func(t *testing.T) {
		host := machine.as(t)
		require.Contains(t, host.status(name), "Up ")
		host.refused(125, "exec", name, "true")
	})
	write(t, state, "{")
	machine.requireOthersWork()
	machine.requireChecked(name)
	machine.ok("stop", name)
	require.Contains(t, machine.status(name), "Exited (7)")
	machine.ok("start", name)
	write(t, state, "null")
	machine.ok("rm", "-f", name)
	require.Empty(t, machine.status(name))
}

// What is left of one that was killed does not keep anybody from anything.
func TestSpoiltStateOfADeadContainer(t *testing.T) {
	machine := soundHost(t)
	id := machine.ok("create", "--name", "dead", "base", "true")
	for name, content := range spoilt() {
		t.Run(name, func(t *testing.T) {
			host := machine.as(t)
			write(t, filepath.Join(machine.run, "containers", id, "state.json"), content)
			require.Contains(t, host.status("dead"), "Created")
			host.requireSound()
		})
	}
	machine.ok("rm", "dead")
}

func TestSpoiltRecordOfAVolume(t *testing.T) {
	machine := soundHost(t)
	machine.ok("run", "--rm", "-v", "data:/d", "base", "sh", "-c", "echo kept >/d/file")
	machine.ok("volume", "create", "other")
	record := filepath.Join(machine.root, "volumes", "data", "volume.json")

	spoil(t, record, func(t *testing.T) {
		host := machine.as(t)
		require.Equal(t, "data\nother", host.ok("volume", "ls", "-q"))
		host.refused(1, "volume", "inspect", "data")
	})
	for _, content := range []string{"", "{"} {
		write(t, record, content)
		if content == "" {
			require.NoError(t, os.Remove(record))
		}
		require.Equal(t, "data\nother", machine.ok("volume", "ls", "-q"))
		machine.requireOthersWork()
		machine.refused(125, "run", "--rm", "-v", "data:/d", "base", "true")
		machine.requireChecked("volume data")
		require.Contains(t, machine.ok("system", "check", "--repair"), "volume data")
		require.Equal(t, "kept", machine.ok("run", "--rm", "-v", "data:/d", "base", "cat", "/d/file"), "its data is not lost")
		machine.requireSound()
	}
	write(t, record, "{")
	require.Equal(t, "data", machine.ok("volume", "rm", "data"))
}

// imagesHost has two images, mine:1 and other:1, and the paths of what mine is: its
// record, its manifest and its configuration.
func imagesHost(t *testing.T) (host *host, parts map[string]string) {
	t.Helper()
	host = soundHost(t)
	host.ok("run", "--name", "work", "base", "touch", "/file")
	host.ok("commit", "work", "mine:1")
	host.ok("rm", "work")
	host.ok("tag", "base", "other:1")
	id := strings.TrimPrefix(host.ok("image", "inspect", "-f", "{{.ID}}", "mine:1"), "sha256:")
	parts = map[string]string{"config": filepath.Join(host.root, "images/blobs/sha256", id)}
	for kind, wanted := range map[string]struct{ folder, content string }{"record": {"names", `"mine:1"`}, "manifest": {"blobs/sha256", id}} {
		found, err := filepath.Glob(filepath.Join(host.root, "images", wanted.folder, "*"))
		require.NoError(t, err)
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.Size() < 10_000 && strings.Contains(read(t, path), wanted.content) {
				parts[kind] = path
			}
		}
	}
	return host, parts
}

func TestSpoiltRecordOfAnImage(t *testing.T) {
	machine, parts := imagesHost(t)
	key := filepath.Base(parts["record"])[:12]

	spoil(t, parts["record"], func(t *testing.T) {
		host := machine.as(t)
		require.Contains(t, host.ok("images"), "other ")
		require.Contains(t, host.ok("images"), key)
		host.refused(125, "run", "--rm", "--pull", "never", "mine:1", "true")
	})
	for _, name := range []string{key, "mine:1"} {
		before := read(t, parts["record"])
		write(t, parts["record"], "{")
		machine.requireOthersWork()
		machine.requireChecked(key)
		machine.ok("tag", "other:1", "other:2")
		machine.ok("rmi", "other:2")
		machine.ok("image", "prune", "-f")
		machine.ok("rmi", "-f", name)
		require.NotContains(t, machine.ok("images"), key)
		if name == key {
			write(t, parts["record"], before)
		}
	}
	require.Empty(t, machine.checked("--repair").Stdout)
}

func TestSpoiltBlobsOfAnImage(t *testing.T) {
	for _, kind := range []string{"manifest", "config"} {
		t.Run(kind, func(t *testing.T) {
			machine, parts := imagesHost(t)
			spoil(t, parts[kind], func(t *testing.T) {
				host := machine.as(t)
				require.Regexp(t, `\nmine +1 `, host.ok("images"))
				host.refused(125, "run", "--rm", "--pull", "never", "mine:1", "true")
			})
			require.NoError(t, os.Remove(parts[kind]))
			require.Regexp(t, `\nmine +1 `, machine.ok("images"))
			machine.requireOthersWork()
			machine.requireChecked("mine:1")
			machine.ok("tag", "other:1", "other:2")
			machine.ok("rmi", "other:2")
			machine.ok("image", "prune", "-f")
			machine.ok("rmi", "mine:1")
			require.NotContains(t, machine.ok("images"), "mine ")
			machine.requireSound()
		})
	}
}

func TestSpoiltRecordOfANetwork(t *testing.T) {
	machine := networkHost(t)
	machine.ok("create", "--name", "sound", "base", "echo", "hello")
	machine.ok("network", "create", "blue")
	machine.ok("network", "create", "red")
	record := filepath.Join(machine.root, "networks", "blue.json")

	spoil(t, record, func(t *testing.T) {
		host := machine.as(t)
		require.Contains(t, host.ok("network", "ls"), "blue")
		host.refused(1, "network", "inspect", "blue")
	})
	write(t, record, "{")
	machine.requireOthersWork()
	machine.refused(125, "run", "--rm", "--network", "blue", "base", "true")
	require.Equal(t, "hi", machine.ok("run", "--rm", "--network", "red", "base", "echo", "hi"))
	machine.requireChecked("network blue")
	machine.ok("network", "reload")
	require.Equal(t, "blue", machine.ok("network", "rm", "blue"))
	require.NotContains(t, machine.ok("network", "ls"), "blue")
	require.NotEmpty(t, machine.ok("system", "check", "--repair"), "its bridge is left, which nobody knew")
	machine.requireSound()
}

// Who has an address is written down twice, so nobody gets it again.
func TestSpoiltAddressesOfANetwork(t *testing.T) {
	machine := networkHost(t)
	machine.ok("network", "create", "--subnet", "10.1.0.0/24", "blue")
	name := machine.detached([]string{"--network", "blue"}, "sh", "-c", patient)
	address := machine.ok("inspect", "-f", "{{.NetworkSettings.Networks.blue.IPAddress}}", name)
	files, err := filepath.Glob(machine.run + "/networks/*/*/addresses")
	require.NoError(t, err)
	require.Len(t, files, 1)
	contents := spoilt()
	delete(contents, "very long")
	contents["all ones"] = strings.Repeat("\xff", 1000)
	for kind, content := range contents {
		t.Run(kind, func(t *testing.T) {
			host := machine.as(t)
			write(t, files[0], content)
			for range 2 {
				require.NotContains(t, host.ok("run", "--rm", "--network", "blue", "base", "ip", "addr"), " "+address+"/", "it is taken")
			}
		})
	}
}

// A lock is held by an open file. What the file holds, and what else lies in its place,
// does not matter to anybody.
func TestSpoiltLocks(t *testing.T) {
	machine := soundHost(t)
	id := machine.ok("inspect", "-f", "{{.ID}}", "sound")
	lock := filepath.Join(machine.run, "containers", id, "lock")
	for _, content := range spoilt() {
		write(t, lock, content)
		require.Equal(t, "hello", machine.ok("start", "-a", "sound"))
	}
	for _, plant := range []func() error{
		func() error { return os.MkdirAll(lock+"/inside", 0o700) },
		func() error { return unix.Mkfifo(lock, 0o600) },
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(lock), 0o700))
		require.NoError(t, plant())
		require.Equal(t, "hello", machine.ok("start", "-a", "sound"))
	}
	machine.requireOthersWork()
}
