package main

import (
	"archive/tar"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// folderOfTheHost is a folder with a file in it, somewhere on the host.
func folderOfTheHost(t *testing.T) string {
	t.Helper()
	folder := testbed.StateRoot(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "precious"), []byte("data\n"), 0o644))
	return folder
}

// mountTmpfs mounts an empty file system on a new folder.
func mountTmpfs(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, unix.Mount("none", folder, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, 0)) })
}

func TestVolumesAreParsed(t *testing.T) {
	for text, want := range map[string]Volume{
		"/src:/dst":         {Source: "/src", Destination: "/dst"},
		"/src:/dst:ro":      {Source: "/src", Destination: "/dst", ReadOnly: true},
		"/src:/dst:rw":      {Source: "/src", Destination: "/dst"},
		"/src:/dst/../x//y": {Source: "/src", Destination: "/x/y"},
		"/src:/../../dst/":  {Source: "/src", Destination: "/dst"},
	} {
		volume, err := parseVolume(text)
		require.NoError(t, err, text)
		require.Equal(t, want, volume, text)
	}
	for _, text := range []string{
		"", ":", "/src", "/src:", ":/dst", "src:/dst", "/src:dst", "/src:/", "/src:/dst:", "/src:/dst:rx", "/src:/dst:ro:rw",
		"/src:/x/..", "/src:/proc", "/src:/proc/sys", "/src:/x/../sys", "/src:/dev/shm", "/src:/../dev", "/src\x00:/dst",
	} {
		_, err := parseVolume(text)
		require.ErrorContains(t, err, "volume", text)
	}
}

func TestBadVolumeIsRefusedBeforeAnythingIsMade(t *testing.T) {
	data := folderOfTheHost(t)
	for name, flags := range map[string][]string{
		"no destination": {"-v", data},
		"no source":      {"-v", filepath.Join(data, "nosuch") + ":/data"},
		"no option":      {"-v", data + ":/data:rx"},
		"twice the same": {"-v", data + ":/data", "-v", data + ":/data/"},
		"no container":   {"--name", "../x"},
		"no name":        {"--name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			result := container(t, flags, "echo", "ran").Run(t)

			require.Equal(t, 125, result.Code)
			require.Empty(t, result.Stdout)
			requireOneLine(t, result.Stderr)
			require.NoDirExists(t, filepath.Join(rootOf(t), "containers"))
			require.NoFileExists(t, filepath.Join(data, "nosuch"))
		})
	}
}

func TestDataInAVolumeOutlivesTheContainer(t *testing.T) {
	data := folderOfTheHost(t)

	first := container(t, []string{"-v", data + ":/deep/in/the/data"}, "sh", "-c", "cat /deep/in/the/data/precious; echo new > /deep/in/the/data/file").Run(t)
	second := container(t, []string{"-v", data + ":/data"}, "cat", "/data/file").Run(t)

	require.Equal(t, testbed.Result{Stdout: "data\n"}, first)
	require.Equal(t, testbed.Result{Stdout: "new\n"}, second)
	require.Equal(t, "data\n", content(t, data, "precious"))
	require.Empty(t, mountsBelow(t, rootOf(t)))
}

// What separates the flags of other commands may be in a name.
func TestVolumeMayHaveAnyName(t *testing.T) {
	data := filepath.Join(folderOfTheHost(t), "a, b = c\\\n")
	require.NoError(t, os.Mkdir(data, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(data, "file"), []byte("x\n"), 0o644))

	result := container(t, []string{"-v", data + ":/data, \u00a0\vand:ro"}, "sh", "-c", "cd /data*and && cat file; echo > new || echo read-only").Run(t)

	require.Equal(t, "x\nread-only\n", result.Stdout, result.Stderr)
}

func TestFileIsAVolume(t *testing.T) {
	file := filepath.Join(folderOfTheHost(t), "precious")

	result := container(t, []string{"-v", file + ":/etc/motd", "-v", file + ":/new/file"},
		"sh", "-c", "cat /etc/motd; echo changed > /new/file").Run(t)

	require.Equal(t, testbed.Result{Stdout: "data\n"}, result)
	require.Equal(t, "changed\n", content(t, file))
}

// The destination of one may lie in another, whatever order they are given in.
func TestVolumeInAVolume(t *testing.T) {
	outer, inner := folderOfTheHost(t), folderOfTheHost(t)
	require.NoError(t, os.WriteFile(filepath.Join(inner, "precious"), []byte("inner\n"), 0o644))

	result := container(t, []string{"-v", inner + ":/data/inner", "-v", outer + ":/data"}, "cat", "/data/precious", "/data/inner/precious").Run(t)

	require.Equal(t, testbed.Result{Stdout: "data\ninner\n"}, result)
}

func TestReadOnlyVolumeRefusesWritesEverywhere(t *testing.T) {
	data := folderOfTheHost(t)
	mountTmpfs(t, filepath.Join(data, "a folder"))
	require.NoError(t, os.WriteFile(filepath.Join(data, "a folder/file"), []byte("below\n"), 0o644))

	result := container(t, []string{"-v", data + ":/data:ro"}, "sh", "-c", `
		cat "/data/a folder/file"
		echo x > /data/new; echo x > /data/precious; rm /data/precious; echo x > "/data/a folder/new"; mv /data/precious /data/moved; true`).Run(t)

	require.Equal(t, "below\n", result.Stdout)
	require.Equal(t, "data\n", content(t, data, "precious"))
	require.NoFileExists(t, filepath.Join(data, "new"))
	require.NoFileExists(t, filepath.Join(data, "a folder/new"))
	require.NoError(t, os.WriteFile(filepath.Join(data, "a folder/new"), nil, 0o644), "the host's own mount is as it was")
}

// A mount that was forbidden to run programs stays so when it becomes read-only.
func TestReadOnlyVolumeKeepsWhatItsMountForbids(t *testing.T) {
	data := testbed.StateRoot(t)
	require.NoError(t, unix.Mount("none", data, "tmpfs", unix.MS_NOEXEC|unix.MS_NOSUID, ""))
	defer func() { require.NoError(t, unix.Unmount(data, 0)) }()

	result := container(t, []string{"-v", data + ":/data:ro"}, "grep", " /data ", "/proc/mounts").Run(t)

	require.Contains(t, result.Stdout, "ro,nosuid,noexec")
}

// An image can have a link where a volume is to be mounted. It leads to a place in
// the container, as it would for any program there, and never to one on the host.
func TestDestinationIsFollowedInsideTheRoot(t *testing.T) {
	for name, target := range map[string]func(outside string) string{
		"absolute":   func(outside string) string { return outside },
		"climbing":   func(outside string) string { return strings.Repeat("../", 20) + outside[1:] },
		"to the top": func(string) string { return "/" },
	} {
		t.Run(name, func(t *testing.T) {
			data, outside := folderOfTheHost(t), testbed.StateRoot(t)
			rootOf(t)
			door := testbed.Name(t)
			extendImage(t, tar.Header{Typeflag: tar.TypeDir, Name: outside[1:] + "/", Mode: 0o755}, "")
			extendImage(t, tar.Header{Typeflag: tar.TypeSymlink, Name: door, Linkname: target(outside)}, "")

			result := container(t, []string{"-v", data + ":/" + door + "/x"}, "cat", filepath.Join("/", target(outside), "x/precious")).Run(t)

			require.Equal(t, testbed.Result{Stdout: "data\n"}, result)
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestDestinationThatCannotBeIsRefused(t *testing.T) {
	data := folderOfTheHost(t)
	extendImage(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "dangling", Linkname: "/no/such"}, "")
	for name, flag := range map[string]string{
		"a dangling link":      data + ":/dangling",
		"below a file":         data + ":/etc/os-release/x",
		"a folder on a file":   data + ":/etc/os-release",
		"a file on a folder":   data + "/precious:/etc",
		"a file on a dangling": data + "/precious:/dangling",
	} {
		result := container(t, []string{"-v", flag}, "echo", "ran").Run(t)

		require.Equal(t, 125, result.Code, name)
		require.Empty(t, result.Stdout, name)
		requireOneLine(t, result.Stderr)
		require.Empty(t, mountsBelow(t, rootOf(t)), name)
		left, err := os.ReadDir(filepath.Join(rootOf(t), "containers"))
		require.NoError(t, err)
		require.Empty(t, left, name)
	}
}

// Where the host's mounts are shared, an unmount of ours must not be one of
// theirs.
func TestMountsInTheSourceStayOnTheHost(t *testing.T) {
	data := folderOfTheHost(t)
	require.NoError(t, unix.Mount(data, data, "", unix.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(data, 0)) })
	require.NoError(t, unix.Mount("", data, "", unix.MS_SHARED, ""))
	mountTmpfs(t, filepath.Join(data, "below"))
	mountTmpfs(t, filepath.Join(data, "below/deeper")) // on what is shared as well
	require.NoError(t, os.WriteFile(filepath.Join(data, "below/deeper/file"), nil, 0o644))

	result := container(t, []string{"-v", data + ":/data"}, "ls", "/data/below", "/data/below/deeper").Run(t)

	require.Equal(t, testbed.Result{Stdout: "/data/below:\ndeeper\n\n/data/below/deeper:\nfile\n"}, result)
	require.FileExists(t, filepath.Join(data, "below/deeper/file"), "a mount of the host has gone with ours")
	require.Empty(t, mountsBelow(t, rootOf(t)))
}

// A link in a source leads to where it leads on the host, whatever the image has there.
func TestSourceIsFollowedOnTheHost(t *testing.T) {
	data := folderOfTheHost(t)
	links := testbed.StateRoot(t)
	require.NoError(t, os.Symlink(data, filepath.Join(links, "to-data")))
	require.NoError(t, os.Symlink("to-data/precious", filepath.Join(links, "to-file")))

	folder := container(t, []string{"-v", filepath.Join(links, "to-data") + ":/data"}, "cat", "/data/precious").Run(t)
	file := container(t, []string{"-v", filepath.Join(links, "to-file") + ":/file"}, "cat", "/file").Run(t)

	require.Equal(t, testbed.Result{Stdout: "data\n"}, folder)
	require.Equal(t, testbed.Result{Stdout: "data\n"}, file)
}

// Ancestors of this program logged that the unmount had failed, and then removed
// the container's folder, with all that was mounted there.
func TestBusyVolumeLosesNothing(t *testing.T) {
	data := folderOfTheHost(t)
	running := container(t, []string{"--name", "busy", "-v", data + ":/data"}, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")
	mountpoint := filepath.Join(rootOf(t), "containers/busy/merged/data")
	file, err := os.Open(filepath.Join(mountpoint, "precious"))
	require.NoError(t, err)
	defer file.Close()

	require.NoError(t, unix.Kill(onlyChild(t, running.Pid()), unix.SIGKILL))
	result := running.Wait()

	require.FileExists(t, filepath.Join(data, "precious"))
	require.Equal(t, 125, result.Code)
	requireOneLine(t, result.Stderr)
	require.Contains(t, result.Stderr, mountpoint)
	require.Equal(t, "data\n", content(t, mountpoint, "precious"), "it is still mounted")
}

// The kernel knows a mount by its folder, and not by the links that lead there.
func TestLinkToTheStateFolderHidesNoMount(t *testing.T) {
	data := folderOfTheHost(t)
	link := filepath.Join(testbed.StateRoot(t), "link")
	require.NoError(t, os.Symlink(rootOf(t), link))

	result := container(t, []string{"--root", link, "-v", data + ":/data:ro"}, "sh", "-c", "cat /data/precious; echo x > /data/precious || echo read-only").Run(t)

	require.Zero(t, result.Code, result.Stderr)
	require.Equal(t, "data\nread-only\n", result.Stdout)
	require.Equal(t, "data\n", content(t, data, "precious"))
	require.Empty(t, mountsBelow(t, rootOf(t)))
}

// A mount that was overlooked ends the removal, too: where a container's root was
// mounted, there is nothing of ours.
func TestWhatIsWhereTheRootWasIsNotRemoved(t *testing.T) {
	rootfs := containerRootfs(t.TempDir(), "web")
	require.NoError(t, os.MkdirAll(rootfs.Path, 0o755))
	precious := filepath.Join(rootfs.Path, "precious")
	require.NoError(t, os.WriteFile(precious, nil, 0o600))

	require.Error(t, rootfs.Remove())
	require.FileExists(t, precious)

	require.NoError(t, os.Remove(precious))
	require.NoError(t, rootfs.Remove())
	require.NoDirExists(t, filepath.Dir(rootfs.Path))
}

// mountedRootfs is a root with a mount on a mount on it, as with a volume in a volume.
func mountedRootfs(t *testing.T) *Rootfs {
	t.Helper()
	testbed.Require(t, testbed.Root)
	rootfs := containerRootfs(testbed.StateRoot(t), "web")
	t.Cleanup(func() {
		for _, mountpoint := range slices.Backward(mountsBelow(t, rootfs.folder)) {
			require.NoError(t, unix.Unmount(mountpoint, unix.MNT_DETACH))
		}
	})
	for _, folder := range []string{"", "data", "data/below"} {
		mountpoint := filepath.Join(rootfs.Path, folder)
		require.NoError(t, os.MkdirAll(mountpoint, 0o755))
		require.NoError(t, unix.Mount("none", mountpoint, "tmpfs", 0, ""))
	}
	return rootfs
}

func TestWhatIsMountedLastIsUnmountedFirst(t *testing.T) {
	rootfs := mountedRootfs(t)

	require.NoError(t, rootfs.Unmount())

	require.Empty(t, mountsBelow(t, rootfs.folder))
	require.NoError(t, rootfs.Unmount(), "nothing to unmount is no error")
}

func TestUnmountEndsAtWhatIsBusy(t *testing.T) {
	rootfs := mountedRootfs(t)
	busy := filepath.Join(rootfs.Path, "data")
	file, err := os.Create(filepath.Join(busy, "precious"))
	require.NoError(t, err)
	defer file.Close()

	err = rootfs.Unmount()

	require.ErrorIs(t, err, unix.EBUSY)
	require.ErrorContains(t, err, busy)
	require.Equal(t, []string{rootfs.Path, busy}, mountsBelow(t, rootfs.folder))
	require.NoError(t, file.Close())
	require.NoError(t, rootfs.Unmount())
	require.Empty(t, mountsBelow(t, rootfs.folder))
}

// Why volumes are mounted after the root, and unmounted before it.
func TestTheOtherWayRound(t *testing.T) {
	data := folderOfTheHost(t)
	root := rootOf(t)
	options := Options{Root: root, Name: "order", Image: "base", Volumes: []Volume{{Source: data, Destination: "/data"}}}
	rootfs, err := NewRootfs(options)
	require.NoError(t, err)
	destination := filepath.Join(rootfs.Path, "data")

	require.ErrorIs(t, unix.Unmount(rootfs.Path, 0), unix.EBUSY, "a root that holds a volume stays")
	require.NoError(t, unix.Unmount(destination, 0))
	require.NoError(t, unix.Unmount(rootfs.Path, 0))

	require.NoError(t, os.MkdirAll(destination, 0o755))
	require.NoError(t, unix.Mount(data, destination, "", unix.MS_BIND, ""))
	defer func() { require.NoError(t, unix.Unmount(destination, 0)) }()
	union, err := ChooseUnion("")
	require.NoError(t, err)
	folder := filepath.Dir(rootfs.Path)
	lower, err := Layer(root, "base")
	require.NoError(t, err)
	require.NoError(t, union.Mount(Layers{Lower: lower, Upper: folder + "/upper", Work: folder + "/work"}, rootfs.Path))
	defer func() { require.NoError(t, unix.Unmount(rootfs.Path, 0)) }()
	require.NoFileExists(t, filepath.Join(destination, "precious"), "a volume that was there before the root is below it")
}
