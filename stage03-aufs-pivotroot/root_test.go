package main

import (
	"archive/tar"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/base/probe"
	"mytinydocker/internal/testbed"
)

func TestRootIsTheImage(t *testing.T) {
	result := runContainer(t, "cat", "/etc/os-release")

	require.Contains(t, result.Stdout, "MyTinyDocker base")
}

// The root of a union has the owner and the mode of its upper layer's.
func TestRootIsAsTheImageHasIt(t *testing.T) {
	extendImage(t, tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o1751, Uid: 5, Gid: 6}, "")

	result := runContainer(t, "stat", "-c", "%a %u %g", "/")

	require.Equal(t, testbed.Result{Stdout: "1751 5 6\n"}, result)
}

func TestUmaskOfTheCallerStaysOutside(t *testing.T) {
	extendImage(t, tar.Header{Typeflag: tar.TypeReg, Name: "deep/er/file", Mode: 0o644}, "")
	command := container(t, nil, "sh", "-c", "umask; stat -c %a / /deep /deep/er /dev/null")

	result := testbed.Run(t, "sh", append([]string{"-c", `umask 077; exec "$@"`, "sh", command.Path}, command.Args...)...)

	require.Equal(t, testbed.Result{Stdout: "0022\n755\n755\n755\n666\n"}, result)
}

func TestNothingOfTheHostIsInReach(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "marker")
	require.NoError(t, os.WriteFile(marker, nil, 0o644))

	result := runContainer(t, "sh", "-c", `
		for way in "" /.. /../../.. /proc/1/root /proc/self/root/.. /proc/1/cwd; do ls "$way$1" 2>/dev/null && echo reached; done; true`, "sh", marker)

	require.Equal(t, testbed.Result{}, result)
}

func TestOnlyTheContainersOwnMountsAreSeen(t *testing.T) {
	result := runContainer(t, "probe")

	require.Zero(t, result.Code, result.Stderr)
	var seen probe.Report
	require.NoError(t, json.Unmarshal([]byte(result.Stdout), &seen))
	var mountpoints []string
	for _, mount := range seen.Mounts {
		mountpoints = append(mountpoints, mount.Mountpoint)
	}
	require.ElementsMatch(t, []string{"/", "/proc", "/sys", "/dev"}, mountpoints)
}

func TestDevicesThatAShellNeeds(t *testing.T) {
	result := runContainer(t, "sh", "-c", "echo lost > /dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; ls /dev; readlink /dev/stdin")

	require.Equal(t, "4\n4\nfd\nfull\nnull\nrandom\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n/proc/self/fd/0\n", result.Stdout, result.Stderr)
}

func TestSysIsReadOnly(t *testing.T) {
	require.Regexp(t, `^none /sys sysfs ro,`, runContainer(t, "grep", " /sys ", "/proc/mounts").Stdout)
}

func TestContainersOfOneImageDoNotSeeEachOther(t *testing.T) {
	first := container(t, nil, "sh", "-c", "echo first > /file; rm /bin/ls; echo ready; exec sleep 1000").Start(t)
	first.Expect("ready")

	second := runContainer(t, "sh", "-c", "ls /bin/ls; cat /file")

	require.Equal(t, "/bin/ls\n", second.Stdout)
	require.NotZero(t, second.Code)
	endFromOutside(t, first)
	require.NotZero(t, runContainer(t, "cat", "/file").Code)
}

func TestNothingIsLeftAfterwards(t *testing.T) {
	for name, end := range map[string]func(){
		"after exit": func() { require.Zero(t, runContainer(t, "true").Code) },
		"after a failing start": func() {
			require.Equal(t, 127, runContainer(t, "nosuch").Code)
			require.Equal(t, 125, container(t, []string{"--storage-driver", "btrfs"}, "true").Run(t).Code)
			require.Equal(t, 125, container(t, []string{"--hostname", strings.Repeat("x", 65)}, "true").Run(t).Code)
		},
		"after a kill": func() {
			running := container(t, nil, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
			running.Expect("ready")
			require.NotEmpty(t, mountsBelow(t, rootOf(t)))
			endFromOutside(t, running)
		},
	} {
		end()

		require.Empty(t, mountsBelow(t, rootOf(t)), name)
		left, err := filepath.Glob(filepath.Join(rootOf(t), "containers", "*"))
		require.NoError(t, err)
		require.Empty(t, left, name)
	}
}

// Any mount will do for the root.
func TestRemoveUnmountsFirst(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := filepath.Join(testbed.StateRoot(t), "container")
	rootfs := &Rootfs{Path: filepath.Join(folder, "merged"), folder: folder}
	require.NoError(t, os.MkdirAll(rootfs.Path, 0o755))
	require.NoError(t, unix.Mount("none", rootfs.Path, "tmpfs", 0, ""))
	file, err := os.Create(filepath.Join(rootfs.Path, "data"))
	require.NoError(t, err)

	busy := rootfs.Remove()
	_, kept := os.Stat(file.Name())
	require.NoError(t, file.Close())

	require.ErrorIs(t, busy, unix.EBUSY)
	require.NoError(t, kept, "what cannot be unmounted is not removed")
	require.NoError(t, rootfs.Remove())
	require.NoDirExists(t, folder)
	require.Empty(t, mountsBelow(t, folder))
}

// What cannot be unmounted is not removed, and neither is what the container has
// written there.
func TestBusyRootStays(t *testing.T) {
	running := container(t, nil, "sh", "-c", "echo > /file; echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")
	mounts := mountsBelow(t, rootOf(t))
	require.Len(t, mounts, 1)
	file, err := os.Open(filepath.Join(mounts[0], "file"))
	require.NoError(t, err)
	defer file.Close()

	require.NoError(t, syscall.Kill(onlyChild(t, running.Pid()), syscall.SIGKILL))
	result := running.Wait()

	require.Equal(t, 125, result.Code)
	requireOneLine(t, result.Stderr)
	require.Contains(t, result.Stderr, mounts[0])
	require.Equal(t, mounts, mountsBelow(t, rootOf(t)))
	require.FileExists(t, filepath.Join(filepath.Dir(mounts[0]), "upper/file"))
}

func TestDebugTellsWhatTheContainerHasDeleted(t *testing.T) {
	command := container(t, nil, "rm", "/bin/ls", "/etc/os-release")
	command.Args = append([]string{"--debug"}, command.Args...)

	result := command.Run(t)

	require.Zero(t, result.Code, result.Stderr)
	require.Contains(t, result.Stderr, `the container has deleted [\"/bin/ls\" \"/etc/os-release\"]`)
}

// An image can hold anything where the container's own file systems are to be
// mounted. The program then runs inside or not at all.
func TestHostileImageRunsInsideOrNotAtAll(t *testing.T) {
	for name, header := range map[string]tar.Header{
		"/proc is a link":           {Typeflag: tar.TypeSymlink, Name: "proc", Linkname: "/tmp"},
		"/dev is a file":            {Typeflag: tar.TypeReg, Name: "dev", Mode: 0o644},
		"/sys is a dangling link":   {Typeflag: tar.TypeSymlink, Name: "sys", Linkname: "/no/such"},
		"/.pivot_root is a file":    {Typeflag: tar.TypeReg, Name: ".pivot_root", Mode: 0o644},
		"/.pivot_root leads astray": {Typeflag: tar.TypeSymlink, Name: ".pivot_root", Linkname: "/no/such"},
	} {
		t.Run(name, func(t *testing.T) {
			rootOf(t)
			extendImage(t, header, "")
			marker := "/" + testbed.Name(t)

			result := runContainer(t, "sh", "-c", "echo > "+marker+" && echo ran")

			require.NoFileExists(t, marker)
			if strings.Contains(name, "pivot_root") {
				require.Equal(t, testbed.Result{Stdout: "ran\n"}, result)
			} else {
				require.Equal(t, 125, result.Code, result.Stderr)
				require.Empty(t, result.Stdout)
			}
		})
	}
}

// The classic way out of chroot(2): a process that may call it again can leave,
// because the call changes the root, and not where one is.
func TestChrootIsEscapedAndPivotRootIsNot(t *testing.T) {
	testbed.Require(t, testbed.Root)
	escape := testbed.Build(t, "./testdata/escape")
	marker := filepath.Join(testbed.StateRoot(t), "marker")
	require.NoError(t, os.WriteFile(marker, []byte("secret of the host"), 0o600))
	program, err := os.ReadFile(escape)
	require.NoError(t, err)

	jail := testbed.StateRoot(t)
	require.NoError(t, os.WriteFile(filepath.Join(jail, "escape"), program, 0o755))
	prisoner := exec.Command("/escape", marker)
	prisoner.Dir = "/"
	prisoner.SysProcAttr = &syscall.SysProcAttr{Chroot: jail}
	output, err := prisoner.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, "secret of the host\n", string(output), "chroot")

	rootOf(t)
	extendImage(t, tar.Header{Typeflag: tar.TypeReg, Name: "escape", Mode: 0o755, Size: int64(len(program))}, string(program))
	result := runContainer(t, "/escape", marker)
	require.NotEqual(t, "secret of the host\n", result.Stdout, "pivot_root")
	require.NotZero(t, result.Code)
}
