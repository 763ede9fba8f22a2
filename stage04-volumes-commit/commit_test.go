package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// commit runs `commit NAME IMAGE` of this chapter's program.
func commit(t *testing.T, name, image string) testbed.Result {
	t.Helper()
	return testbed.Run(t, testbed.Build(t, "."), "commit", "--root", rootOf(t), name, image)
}

// running starts a container that does something, prints a line, and waits.
func running(t *testing.T, name, script string, flags ...string) *testbed.Process {
	t.Helper()
	process := container(t, append(flags, "--name", name), "sh", "-c", script+"\necho ready; exec sleep 1000").Start(t)
	process.Expect("ready")
	return process
}

// entriesOf reads an image whole and returns what is in it, by name.
func entriesOf(t *testing.T, root, image string) map[string]*tar.Header {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "images", image+".tar"))
	require.NoError(t, err)
	defer file.Close()
	entries := make(map[string]*tar.Header)
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		require.NoError(t, err)
		size, err := io.Copy(io.Discard, reader)
		require.NoError(t, err)
		require.Equal(t, header.Size, size)
		entries[strings.TrimSuffix(header.Name, "/")] = header
	}
}

func TestCommittedContainerIsAnImage(t *testing.T) {
	process := running(t, "web", "echo changed > /etc/motd; rm /bin/ls; mkdir -p /srv/www")
	require.Equal(t, testbed.Result{}, commit(t, "web", "mine"))
	endFromOutside(t, process)

	result := containerOf(t, "mine", nil, "sh", "-c", "cat /etc/motd; test -e /bin/ls || echo gone; test -d /srv/www && echo there").Run(t)

	require.Equal(t, testbed.Result{Stdout: "changed\ngone\nthere\n"}, result)
	require.Zero(t, runContainer(t, "ls", "/bin/ls").Code, "the image below is as it was")
}

func TestCommittedAgainIsAnotherImage(t *testing.T) {
	process := running(t, "web", "echo one > /file")
	require.Zero(t, commit(t, "web", "mine").Code)
	require.Equal(t, "one\n", containerOf(t, "mine", nil, "cat", "/file").Run(t).Stdout)
	endFromOutside(t, process)
	process = running(t, "web", "echo two > /file")
	defer endFromOutside(t, process)

	require.Zero(t, commit(t, "web", "mine").Code)

	require.Equal(t, "two\n", containerOf(t, "mine", nil, "cat", "/file").Run(t).Stdout)
}

func TestViewIsTheUnionAlone(t *testing.T) {
	volume := Volume{Source: folderOfTheHost(t), Destination: "/data"}
	rootfs, err := NewRootfs(Options{Root: rootOf(t), Name: "web", Image: "base", Volumes: []Volume{volume}})
	require.NoError(t, err)
	defer func() { require.NoError(t, rootfs.Remove()) }()
	require.FileExists(t, filepath.Join(rootfs.Path, "data/precious"))

	view, err := rootfs.view()
	require.NoError(t, err)
	defer view.Close()

	for name, want := range map[string]error{"etc/os-release": nil, "data": nil, "data/precious": os.ErrNotExist} {
		_, err := view.Stat(name)
		require.ErrorIs(t, err, want, name)
	}
}

// Ancestors of this program packed what was mounted, too: everybody's data.
func TestImageHoldsNoVolumesAndNothingOfTheKernels(t *testing.T) {
	data := folderOfTheHost(t)
	process := running(t, "web", "echo x > /dev/file; echo x > /data/file; mkdir /tmp/m; echo > /tmp/m/own",
		"-v", data+":/data", "-v", data+"/precious:/etc/precious")
	defer endFromOutside(t, process)

	require.Zero(t, commit(t, "web", "mine").Code)

	entries := entriesOf(t, rootOf(t), "mine")
	for name := range entries {
		for _, folder := range []string{"data/", "proc/", "sys/", "dev/"} {
			require.False(t, strings.HasPrefix(name, folder), name)
		}
	}
	require.Contains(t, entries, "tmp/m/own")
	for _, folder := range []string{"data", "proc", "sys", "dev"} {
		require.Contains(t, entries, folder, "the place where it was mounted")
	}
	require.Zero(t, entries["etc/precious"].Size)
	require.Empty(t, entries["etc"].Uname+entries["etc"].Gname, "the host's names for its users")
}

// Files come and go, grow and shrink, and are replaced, while they are read.
func TestCommitOfARunningWriterIsReadable(t *testing.T) {
	process := container(t, []string{"--name", "writer"}, "sh", "-c", `
		mkdir /busy; echo ready
		while :; do
			head -c 300000 /dev/zero > /busy/grows; : > /busy/grows; echo x >> /busy/appended
			mkdir -p /busy/a/b/c; echo x > /busy/a/b/c/file; rm -rf /busy/a
			rm -f /busy/swapped; ln -s /etc/passwd /busy/swapped; rm -f /busy/swapped; mkdir /busy/swapped; rm -rf /busy/swapped; echo > /busy/swapped
		done`).Start(t)
	process.Expect("ready")
	defer endFromOutside(t, process)

	for range 5 {
		require.Equal(t, testbed.Result{}, commit(t, "writer", "mine"))
		require.Contains(t, entriesOf(t, rootOf(t), "mine"), "etc/os-release")
	}
	require.Equal(t, "hello\n", containerOf(t, "mine", nil, "echo", "hello").Run(t).Stdout)
}

func TestCommitOfWhatIsNotThere(t *testing.T) {
	process := running(t, "web", "")
	defer endFromOutside(t, process)
	for _, names := range [][]string{{"nosuch", "mine"}, {"../containers/web", "mine"}, {"", "mine"}, {"web", "../mine"}, {"web", "Mine"}, {"web", ""}, {"web"}, {"web", "mine", "more"}} {
		result := testbed.Run(t, testbed.Build(t, "."), append([]string{"commit", "--root", rootOf(t)}, names...)...)

		require.Equal(t, 125, result.Code, names)
		requireOneLine(t, result.Stderr)
	}
	left, err := filepath.Glob(filepath.Join(rootOf(t), "images", "*"))
	require.NoError(t, err)
	require.Len(t, left, 1, "base.tar")
}

// A folder that nothing is mounted on looks like a container without any files.
func TestCommitOfAnEndedContainerMakesNoEmptyImage(t *testing.T) {
	require.NoError(t, os.MkdirAll(filepath.Join(rootOf(t), "containers/web/merged"), 0o755))

	result := commit(t, "web", "mine")

	require.Equal(t, 125, result.Code)
	require.Equal(t, "mytinydocker: commit web: the container is not running\n", result.Stderr)
}

func TestImageAppearsWhenItIsComplete(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "images/mine.tar")
	write := func(content string, failure error) error {
		return writeImage(path, func(to io.Writer) error {
			_, err := io.WriteString(to, content)
			return errors.Join(err, failure)
		})
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, write("old", nil))

	require.ErrorContains(t, write("half of the n", errors.New("disk on fire")), "disk on fire")
	require.Equal(t, "old", content(t, path))
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "what is left of the failed one")
	require.NoError(t, write("new", nil))
	require.Equal(t, "new", content(t, path))

	left, err = os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// Half a container would be half an image.
func TestContainerWaitsForTheEndOfACommit(t *testing.T) {
	process := running(t, "web", "")
	unlock, err := lock(filepath.Join(rootOf(t), "containers/web"))
	require.NoError(t, err)

	require.NoError(t, unix.Kill(onlyChild(t, process.Pid()), unix.SIGKILL))
	eventuallyWaits(t, process.Pid())

	require.DirExists(t, filepath.Join(rootOf(t), "containers/web/merged/bin"))
	unlock()
	require.Equal(t, 137, process.Wait().Code)
	require.NoDirExists(t, filepath.Join(rootOf(t), "containers/web"))
}

func TestCommitHoldsTheLockOfItsContainer(t *testing.T) {
	process := running(t, "web", "")
	defer endFromOutside(t, process)
	unlock, err := lock(filepath.Join(rootOf(t), "containers/web"))
	require.NoError(t, err)

	committing := testbed.Command{Path: testbed.Build(t, "."), Args: []string{"commit", "--root", rootOf(t), "web", "mine"}}.Start(t)
	eventuallyWaits(t, committing.Pid())

	require.NoFileExists(t, filepath.Join(rootOf(t), "images/mine.tar"))
	unlock()
	require.Equal(t, testbed.Result{}, committing.Wait())
	require.FileExists(t, filepath.Join(rootOf(t), "images/mine.tar"))

	// It has the lock until the image is written, and so as long as that has to wait.
	unlock, err = lock(filepath.Join(rootOf(t), "images"))
	require.NoError(t, err)
	committing = testbed.Command{Path: testbed.Build(t, "."), Args: []string{"commit", "--root", rootOf(t), "web", "mine"}}.Start(t)
	eventuallyWaits(t, committing.Pid())
	folder, err := os.Open(filepath.Join(rootOf(t), "containers/web"))
	require.NoError(t, err)
	defer folder.Close()
	require.ErrorIs(t, unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
	unlock()
	require.Equal(t, testbed.Result{}, committing.Wait())
}
