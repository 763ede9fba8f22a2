package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// changeRecord changes a record as another version, or another clock, would have
// written it.
func changeRecord(t *testing.T, path string, change func(map[string]any)) {
	t.Helper()
	var record map[string]any
	require.NoError(t, json.Unmarshal([]byte(read(t, path)), &record))
	change(record)
	content, err := json.Marshal(record)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

// After a boot nothing runs, and the numbers of what ran belong to others, who live on.
func TestReboot(t *testing.T) {
	host := networkHost(t)
	host.ok("network", "create", "--subnet", "10.1.0.0/24", "blue")
	id := host.serve("web", "--network", "blue", "-p", "8080:80", "-v", "data:/data")
	host.ok("run", "-d", "--rm", "--name", "passing", "base", "sleep", "1000")
	states, err := filepath.Glob(host.run + "/containers/*/state.json")
	require.NoError(t, err)
	require.Len(t, states, 2)
	kept := make(map[string]string)
	for _, path := range states {
		kept[path] = read(t, path)
	}
	for _, lock := range host.locks() { // the power fails
		require.NoError(t, syscall.Kill(lock, syscall.SIGKILL))
	}
	stranger := testbed.Command{Path: "/bin/sleep", Args: []string{"1000"}}.Start(t)
	testbed.Eventually(t, "all is gone", func() bool { return len(host.locks()) == 0 })
	require.NoError(t, os.RemoveAll(host.run))
	flushRules(t)
	for path, content := range kept { // one who keeps even that on a disk
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		content = regexp.MustCompile(`"pid": \d+`).ReplaceAllString(content, `"pid": `+strconv.Itoa(stranger.Pid()))
		content = regexp.MustCompile(`"bootID": "[^"]*"`).ReplaceAllString(content, `"bootID": "00000000-0000-0000-0000-000000000000"`)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}

	require.Contains(t, host.status("web"), "Exited (137)")
	require.Empty(t, host.status("passing"), "it was to be removed at its end")
	require.Empty(t, host.ok("ps", "-q"))
	host.requireSound()
	require.NoError(t, syscall.Kill(stranger.Pid(), 0), "a stranger is nobody's to kill")
	host.ok("start", "web")
	testbed.Eventually(t, "web to answer again", func() bool { return fetchFromHost(host, "127.0.0.1:8080/page").Stdout == "web\n" })
	require.Equal(t, id, host.ok("inspect", "-f", "{{.ID}}", "web"))
}

// locks returns the processes that watch containers.
func (h *host) locks() (pids []int) {
	h.t.Helper()
	locks, err := filepath.Glob(h.run + "/containers/*/lock")
	require.NoError(h.t, err)
	for _, lock := range locks {
		pid := 0
		content, err := os.ReadFile(lock)
		if err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(content), &pid); err == nil && syscall.Kill(pid, 0) == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// A clock that was set back makes nobody younger than nothing, and the identity of a
// process does not hang on it.
func TestClockThatJumps(t *testing.T) {
	host := soundHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	for _, jump := range []time.Duration{365 * 24 * time.Hour, -365 * 24 * time.Hour} {
		then := time.Now().Add(jump).Format(time.RFC3339Nano)
		for _, target := range []string{name, "sound"} {
			id := host.ok("inspect", "-f", "{{.ID}}", target)
			changeRecord(t, filepath.Join(host.root, "containers", id, "config.json"), func(record map[string]any) {
				record["created"], record["started"] = then, then
			})
		}
		listed := host.ok("ps", "-a")
		require.NotRegexp(t, `\s-\d`, listed)
		require.Contains(t, host.status(name), "Up ")
	}
	host.ok("stop", name)
	require.Contains(t, host.status(name), "Exited (7)")
	host.requireSound()
}

// What an older version has written has fewer fields, and what a younger one has, more.
func TestRecordsOfOtherVersions(t *testing.T) {
	host := soundHost(t)
	id := host.ok("inspect", "-f", "{{.ID}}", "sound")
	changeRecord(t, filepath.Join(host.root, "containers", id, "config.json"), func(record map[string]any) {
		for _, field := range []string{"limits", "security", "log", "restart", "network", "shmSize", "labels", "stopTimeout", "driver"} {
			delete(record, field)
		}
		record["invented"] = map[string]any{"later": true}
	})

	require.Equal(t, "hello", host.ok("start", "-a", "sound"))
	require.Contains(t, host.status("sound"), "Exited (0)")
	host.requireSound()
	host.ok("rm", "sound")
	host.requireNothingLeft()
}

// Somebody has removed the cgroup of a container that runs, or moved its processes: it
// runs on, and ends as any other.
func TestCgroupThatWasRemovedByHand(t *testing.T) {
	host := soundHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	id := host.ok("inspect", "-f", "{{.ID}}", name)
	emptied := 0
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "tinydocker/"+id) {
			return nil //nolint:nilerr // somebody else's cgroup has just gone
		}
		content, err := os.ReadFile(path + "/cgroup.procs")
		require.NoError(t, err)
		for _, pid := range strings.Fields(string(content)) {
			_ = os.WriteFile(filepath.Dir(filepath.Dir(path))+"/cgroup.procs", []byte(pid), 0o644) // it may just have ended
		}
		emptied++
		testbed.Eventually(t, "the cgroup to be empty", func() bool { return os.Remove(path) == nil || emptied > 100 })
		return filepath.SkipDir
	})
	require.NoError(t, err)
	require.Positive(t, emptied)

	require.Contains(t, host.status(name), "Up ")
	result := host.tinydocker("exec", name, "true")
	if result.Code != 0 {
		requireOneLine(t, result.Stderr)
	}
	host.ok("stop", name)
	require.Contains(t, host.status(name), "Exited (7)")
	host.requireOthersWork()
}

// Whatever is mounted in a container that is removed stays what it is, and the removal
// says so; without it, the container goes.
func TestMountInAContainerThatIsRemoved(t *testing.T) {
	host := soundHost(t)
	id := host.ok("create", "--name", "doomed", "base", "true")
	precious := t.TempDir()
	write(t, precious+"/file", "precious")
	place := filepath.Join(host.root, "containers", id, "merged")
	require.NoError(t, unix.Mount(precious, place, "", unix.MS_BIND, ""))

	require.Contains(t, host.refused(1, "rm", "-f", "doomed"), "cross-device")
	require.FileExists(t, precious+"/file")
	host.requireOthersWork()
	host.requireChecked("is mounted on " + place)
	require.Contains(t, host.ok("system", "check", "--repair"), "repaired")
	require.FileExists(t, precious+"/file")
	host.tinydocker("rm", "-f", "doomed") // the next command has done so already
	require.Empty(t, host.status("doomed"))
	host.requireSound()
}

// The state may be anywhere, however that is written.
func TestStateInAnyFolder(t *testing.T) {
	machine := newHost(t)
	base := filepath.Dir(machine.root)
	link := filepath.Join(base, "link")
	require.NoError(t, os.Mkdir(filepath.Join(base, "real"), 0o700))
	require.NoError(t, os.Symlink("real", link))
	for name, root := range map[string]string{
		"spaces": base + "/a b", "colons": base + "/a:b", "commas": base + "/a,b", "quotes": base + `/a"b'`, "backslash": base + `/a\b`,
		"letters": base + "/größe-日本", "link": link + "/lib", "long": base + "/" + strings.Repeat("long", 40),
	} {
		t.Run(name, func(t *testing.T) {
			host := &host{t: t, root: root, run: root + ".run"}
			none := []string{"run", "--network", "none"}
			host.ok(append(none, "--name", "work", "-v", "data:/d", "base", "sh", "-c", "echo hello; echo kept >/d/file; echo new >/srv/file")...)
			require.Equal(t, "hello", host.ok("logs", "work"))
			host.ok("commit", "work", "mine")
			require.Equal(t, "new\nkept", host.ok(append(none, "--rm", "-v", "data:/d", "mine", "cat", "/srv/file", "/d/file")...))
			host.ok("rm", "work")
			host.requireSound()
		})
	}
}

// An image of more layers than a page of options would hold.
func TestImageOfManyLayers(t *testing.T) {
	host := newHost(t)
	archive := filepath.Join(t.TempDir(), "many.tar")
	host.ok("save", "--format", "docker", "-o", archive, "base")
	require.NoError(t, os.WriteFile(archive, withLayers(t, []byte(read(t, archive)), 130), 0o600))
	host.ok("load", "-q", "-i", archive)

	require.Equal(t, "129", host.ok("run", "--rm", "--network", "none", "many:1", "cat", "/last"))
}

// withLayers returns an archive, as docker save writes it, of the image in another one
// with more layers: each has the number of its own in the file last.
func withLayers(t *testing.T, archive []byte, count int) []byte {
	t.Helper()
	files := make(map[string][]byte)
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		files[header.Name], err = io.ReadAll(reader)
		require.NoError(t, err)
	}
	var manifests []struct {
		Config           string
		RepoTags, Layers []string
	}
	require.NoError(t, json.Unmarshal(files["manifest.json"], &manifests))
	manifest := &manifests[0]
	var config v1.Image
	require.NoError(t, json.Unmarshal(files[manifest.Config], &config))
	for number := range count {
		layer := tarOf(t, map[string][]byte{"last": []byte(strconv.Itoa(number))})
		name := fmt.Sprintf("layer%d.tar", number)
		files[name], manifest.Layers = layer, append(manifest.Layers, name)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(layer))
	}
	config.History = nil
	var err error
	files["config.json"], err = json.Marshal(config)
	require.NoError(t, err)
	manifest.Config, manifest.RepoTags = "config.json", []string{"many:1"}
	files["manifest.json"], err = json.Marshal(manifests)
	require.NoError(t, err)
	delete(files, "index.json") // else that is what counts
	return tarOf(t, files)
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for name, content := range files {
		require.NoError(t, writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644}))
		_, err := writer.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	return buffer.Bytes()
}
