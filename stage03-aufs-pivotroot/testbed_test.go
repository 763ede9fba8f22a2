package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/base"
	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// container is the command line `run FLAG... base COMMAND...` of this chapter's
// program, ready to be run or started.
func container(t *testing.T, flags []string, command ...string) testbed.Command {
	t.Helper()
	return containerOf(t, "base", flags, command...)
}

func containerOf(t *testing.T, image string, flags []string, command ...string) testbed.Command {
	t.Helper()
	testbed.Require(t, testbed.Root)
	args := append([]string{"run", "--root", rootOf(t)}, flags...)
	return testbed.Command{Path: testbed.Build(t, "."), Args: append(append(args, image), command...)}
}

// runContainer runs command in a container without flags and waits for it.
func runContainer(t *testing.T, command ...string) testbed.Result {
	t.Helper()
	return container(t, nil, command...).Run(t)
}

var roots sync.Map // by the name of a test

// rootOf returns the state root of a test, in which there is the image base. A
// subtest shares the one that its test has.
func rootOf(t *testing.T) string {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	if root, ok := roots.Load(name); ok {
		return root.(string)
	}
	testbed.Require(t, testbed.Root, testbed.BaseImage)
	root := testbed.StateRoot(t)
	roots.Store(name, root)
	t.Cleanup(func() {
		roots.Delete(name)
		// A killed parent leaves its mount behind; break_test.go has more.
		for _, mount := range slices.Backward(mountsBelow(t, root)) {
			require.NoError(t, unix.Unmount(mount, unix.MNT_DETACH))
		}
	})
	archive, err := baseArchive()
	require.NoError(t, err)
	addImage(t, root, "base", archive)
	return root
}

// baseArchive is the built-in image, decompressed once for all tests.
var baseArchive = sync.OnceValues(func() ([]byte, error) {
	archive, err := base.Rootfs()
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	return io.ReadAll(archive)
})

func addImage(t *testing.T, root, name string, archive []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "images"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "images", name+".tar"), archive, 0o600))
}

// mountsBelow returns what is mounted below a folder of the host.
func mountsBelow(t *testing.T, folder string) []string {
	t.Helper()
	var mounts []string
	for line := range strings.Lines(mountinfo(t)) {
		if mountpoint := strings.Fields(line)[4]; strings.HasPrefix(mountpoint, folder+"/") {
			mounts = append(mounts, mountpoint)
		}
	}
	return mounts
}

// mountAsInit mounts what init mounts, for the thread that calls it.
func mountAsInit() error {
	if err := makeMountsPrivate(); err != nil {
		return err
	}
	return mountAll()
}

// textFile adds a file to the image and returns its path inside of a container.
func textFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	name := testbed.Name(t)
	extendImage(t, tar.Header{Name: name, Mode: int64(mode), Size: int64(len(content))}, content)
	return "/" + name
}

// extendImage adds an entry to the image base.
func extendImage(t *testing.T, header tar.Header, content string) {
	t.Helper()
	path := filepath.Join(rootOf(t), "images", "base.tar")
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	var extended bytes.Buffer
	writer := tar.NewWriter(&extended)
	reader := tar.NewReader(bytes.NewReader(old))
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.NoError(t, writer.WriteHeader(entry))
		_, err = io.Copy(writer, reader)
		require.NoError(t, err)
	}
	require.NoError(t, writer.WriteHeader(&header))
	_, err = io.WriteString(writer, content)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, os.WriteFile(path, extended.Bytes(), 0o600))
}

// box is the path of the program with the probes, inside of a container.
func box(t *testing.T) string {
	t.Helper()
	return "/bin/box"
}
