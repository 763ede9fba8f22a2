package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestSweepUnmountsAndRemoves(t *testing.T) {
	testbed.Require(t, testbed.Root)
	root := filepath.Join(t.TempDir(), "a folder")
	outer, inner := filepath.Join(root, "outer"), filepath.Join(root, "outer", "inner")
	mountTmpfs(t, outer)
	mountTmpfs(t, inner)

	require.NoError(t, sweep([]string{root}))

	require.NoDirExists(t, root)
	require.NoError(t, sweep([]string{root}), "a second time there is nothing to do")
}

// What is bind mounted below the root belongs to somebody else.
func TestSweepLeavesWhatWasMountedThere(t *testing.T) {
	testbed.Require(t, testbed.Root)
	volume := t.TempDir()
	precious := filepath.Join(volume, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("data"), 0o600))
	root := filepath.Join(t.TempDir(), "root")
	target := filepath.Join(root, "volume")
	require.NoError(t, os.MkdirAll(target, 0o700))
	require.NoError(t, unix.Mount(volume, target, "", unix.MS_BIND, ""))

	require.NoError(t, sweep([]string{root}))

	require.NoDirExists(t, root)
	require.FileExists(t, precious)
}

// The kernel's list of mounts has no links in its paths.
func TestSweepFindsMountsBehindALink(t *testing.T) {
	testbed.Require(t, testbed.Root)
	volume, real, folder := t.TempDir(), t.TempDir(), t.TempDir()
	precious := filepath.Join(volume, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("data"), 0o600))
	target := filepath.Join(real, "root", "volume")
	require.NoError(t, os.MkdirAll(target, 0o700))
	require.NoError(t, unix.Mount(volume, target, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(target, 0) })
	link := filepath.Join(folder, "link")
	require.NoError(t, os.Symlink(real, link))

	require.NoError(t, sweep([]string{filepath.Join(link, "root")}))

	require.NoDirExists(t, filepath.Join(real, "root"))
	require.FileExists(t, precious)
}

func TestSweepRefusesWhileAContainerRuns(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.Overlay)
	root := filepath.Join(t.TempDir(), "root")
	for _, folder := range []string{"lower", "upper", "work", "merged"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o700))
	}
	running := exec.Command("sh", "-c", `
		mount -t overlay -o lowerdir=lower,upperdir="$1/upper",workdir="$1/work" none merged &&
		cd merged && pivot_root . . && echo ready && read -r _`, "sh", root)
	running.Dir = root
	running.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	stdin, err := running.StdinPipe()
	require.NoError(t, err)
	stdout, err := running.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, running.Start())
	_, err = stdout.Read(make([]byte, 16))
	require.NoError(t, err)

	err = sweep([]string{root})

	require.ErrorContains(t, err, "still uses")
	require.DirExists(t, filepath.Join(root, "upper"))
	require.NoError(t, stdin.Close())
	_ = running.Wait() // read fails at the end of its input
	require.NoError(t, sweep([]string{root}))
}

func TestSweepRefusesRootsThatCannotBeOurs(t *testing.T) {
	for _, root := range []string{"", "/", "relative", "/tmp/..", "/var"} {
		require.Error(t, sweep([]string{root}), root)
	}
}

func mountTmpfs(t *testing.T, target string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(target, 0o700))
	require.NoError(t, unix.Mount("none", target, "tmpfs", 0, ""))
}
