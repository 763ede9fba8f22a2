package storage

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// headers returns the headers of a tar archive.
func headers(t *testing.T, archive []byte) []*tar.Header {
	t.Helper()
	var headers []*tar.Header
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		require.NoError(t, err)
		headers = append(headers, header)
	}
}

func diff(t *testing.T, upper Upper) []byte {
	t.Helper()
	var buffer bytes.Buffer
	require.NoError(t, upper.Diff(&buffer))
	return buffer.Bytes()
}

// rich are entries with all that a layer can say of a file.
func rich() []tar.Header {
	then := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	// Version 2, cap_net_raw=ep: linux/capability.h, struct vfs_cap_data.
	capability := "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	return []tar.Header{
		{Typeflag: tar.TypeDir, Name: "./", Mode: 0o750, ModTime: then, Uid: 3},
		{Typeflag: tar.TypeDir, Name: "dir/", Mode: 0o1777, ModTime: then, PAXRecords: map[string]string{"SCHILY.xattr.user.dir": "1"}},
		{Typeflag: tar.TypeReg, Name: "dir/ping", Linkname: "program", Mode: 0o755, ModTime: then,
			PAXRecords: map[string]string{"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.note": "a\x00b"}},
		{Typeflag: tar.TypeLink, Name: "dir/ping2", Linkname: "dir/ping", ModTime: then},
		{Typeflag: tar.TypeFifo, Name: "dir/pipe", Mode: 0o600, ModTime: then},
		{Typeflag: tar.TypeSymlink, Name: "dir/link", Linkname: "/host/secret", ModTime: then, Uid: 7},
		{Typeflag: tar.TypeReg, Name: "empty", Mode: 0o4711, Uid: 1000, Gid: 1 << 31, ModTime: time.Unix(-5, 500)},
		{Typeflag: tar.TypeReg, Name: "sub/.wh.deleted", Mode: 0o644},
		{Typeflag: tar.TypeReg, Name: "sub/replaced/.wh..wh..opq", Mode: 0o644},
		{Typeflag: tar.TypeReg, Name: "sub/replaced/new\nline", Linkname: "x", Mode: 0o644, ModTime: then},
	}
}

// What was unpacked and is packed again is the same, and from there on byte for
// byte, whatever the driver and the order of its folders.
func TestDiffIsWhatWasUnpacked(t *testing.T) {
	var first []byte
	each(t, func(t *testing.T, driver Driver) {
		upper := layer(t, driver, rich()...)
		for _, name := range []string{"sub", "sub/replaced"} { // the archive has not said when they were changed
			require.NoError(t, os.Chtimes(filepath.Join(upper, name), time.Time{}, time.Unix(100, 0)))
		}

		packed := diff(t, Upper{Driver: driver, Path: upper})

		again := t.TempDir()
		require.NoError(t, Unpacker{Driver: driver}.Unpack(bytes.NewReader(packed), again))
		require.Equal(t, packed, diff(t, Upper{Driver: driver, Path: again}))
		if first == nil {
			first = packed
		}
		require.Equal(t, first, packed, "both drivers say the same")
	})
	want := make(map[string]tar.Header)
	for _, header := range headers(t, tarOf(t, rich()...)) {
		want[header.Name] = *header
	}
	found := 0
	for _, header := range headers(t, first) {
		was, ok := want[header.Name]
		if !ok || header.Typeflag == tar.TypeReg && filepath.Base(header.Name)[0] == '.' {
			continue
		}
		found++
		require.Equal(t, was.Typeflag, header.Typeflag, header.Name)
		require.Equal(t, was.Linkname, header.Linkname, header.Name)
		if header.Typeflag == tar.TypeLink {
			continue
		}
		require.True(t, was.ModTime.Truncate(time.Second).Equal(header.ModTime.Truncate(time.Second)), header.Name)
		require.Equal(t, [2]int{was.Uid, was.Gid}, [2]int{header.Uid, header.Gid}, header.Name)
		if header.Typeflag != tar.TypeSymlink {
			require.Equal(t, was.Mode, header.Mode, header.Name)
		}
		for key, value := range was.PAXRecords {
			if len(key) > 13 && key[:13] == attributePrefix {
				require.Equal(t, value, header.PAXRecords[key], header.Name)
			}
		}
	}
	require.Equal(t, 8, found)
}

// A container's own files of these kinds never get into an image.
func TestDiffHasNoDevicesAndNoAttributesOfOverlay(t *testing.T) {
	testbed.Require(t, testbed.Root)
	upper := t.TempDir()
	require.NoError(t, unix.Mknod(filepath.Join(upper, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	require.NoError(t, unix.Mknod(filepath.Join(upper, "socket"), unix.S_IFSOCK|0o666, 0))
	require.NoError(t, os.Mkdir(filepath.Join(upper, "d"), 0o755))
	require.NoError(t, unix.Setxattr(filepath.Join(upper, "d"), "trusted.overlay.origin", []byte("x"), 0))
	require.NoError(t, unix.Setxattr(filepath.Join(upper, "d"), "trusted.note", []byte("x"), 0))

	entries := headers(t, diff(t, Upper{Driver: Overlay{}, Path: upper}))

	require.Len(t, entries, 2)
	require.Equal(t, "d/", entries[1].Name)
	for key := range entries[1].PAXRecords {
		require.NotContains(t, key, attributePrefix)
	}
}

func TestDiffRefusesWhatItCannotSay(t *testing.T) {
	testbed.Require(t, testbed.Root)
	upper := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(upper, ".wh.mine"), nil, 0o600))
	require.ErrorContains(t, Upper{Driver: Overlay{}, Path: upper}.Diff(io.Discard), ".wh.mine")

	upper = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(upper, "d"), 0o755))
	require.NoError(t, unix.Setxattr(filepath.Join(upper, "d"), "trusted.overlay.redirect", []byte("/etc"), 0))
	require.ErrorContains(t, Upper{Driver: Overlay{}, Path: upper}.Diff(io.Discard), "redirect")
}

// What a container does through the mount is what the diff says, and the diff over
// the same layers shows what the container has seen.
func TestDiffOfAMountShowsTheSame(t *testing.T) {
	eachMount(t, func(t *testing.T, driver Driver) {
		lower := layer(t, driver, file("etc/a", "x"), file("etc/b", "x"), file("opt/old/x", "x"), file("opt/y", "x"), file("keep/z", "x"))
		upper, merged := mount(t, driver, lower)
		require.NoError(t, os.Remove(filepath.Join(merged, "etc/a")))
		require.NoError(t, os.RemoveAll(filepath.Join(merged, "opt")))
		require.NoError(t, os.MkdirAll(filepath.Join(merged, "opt/new"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(merged, "opt/new/file"), []byte("new"), 0o600))
		require.NoError(t, os.Chmod(filepath.Join(merged, "etc/b"), 0o4755))
		require.NoError(t, os.Link(filepath.Join(merged, "etc/b"), filepath.Join(merged, "b2")))

		top := t.TempDir()
		packed := diff(t, Upper{Driver: driver, Path: upper, Lower: []string{lower}})
		require.NoError(t, Unpacker{Driver: driver}.Unpack(bytes.NewReader(packed), top))

		require.Equal(t, files(t, merged), names(t, driver, top, lower)[1:])
		changes, err := Upper{Driver: driver, Path: upper, Lower: []string{lower}}.Changes()
		require.NoError(t, err)
		require.Equal(t, []string{"A /b2", "C /etc", "D /etc/a", "C /etc/b", "C /opt", "A /opt/new", "A /opt/new/file", "D /opt/old", "D /opt/y"}, asText(changes))
	})
}

func asText(changes []Change) []string {
	var text []string
	for _, change := range changes {
		text = append(text, change.String())
	}
	return text
}

// A folder in which aufs has written, as Linux 6.1 with aufs left it.
func TestDiffOfABranchOfAUFS(t *testing.T) {
	testbed.Require(t, testbed.Root)
	lower := layer(t, AUFS{}, file("b", "x"), file("d/old", "x"))
	upper := t.TempDir()
	for _, name := range []string{".wh..wh.aufs", ".wh.b", "d/.wh..wh..opq", "d/new", ".wh..wh.plnk/4.5"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(upper, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(upper, name), nil, 0o444))
	}
	require.NoError(t, os.Mkdir(filepath.Join(upper, ".wh..wh.orph"), 0o700))
	branch := Upper{Driver: AUFS{}, Path: upper, Lower: []string{lower}}

	var found []string
	for _, header := range headers(t, diff(t, branch)) {
		found = append(found, header.Name)
	}
	require.Equal(t, []string{"./", ".wh.b", "d/", "d/.wh..wh..opq", "d/new"}, found)
	changes, err := branch.Changes()
	require.NoError(t, err)
	require.Equal(t, []string{"D /b", "C /d", "A /d/new", "D /d/old"}, asText(changes))
}

// A mount point that the image does not have is made in the container's layer.
func TestMountPointsAreNoChanges(t *testing.T) {
	each(t, func(t *testing.T, driver Driver) {
		lower := layer(t, driver, folder("etc"), folder("data"))
		upper := layer(t, driver, folder("etc"), file("etc/hosts", ""), file("etc/mine", "x"), folder("proc"), folder("srv/a/b"), folder("data"),
			folder("full"), file("full/kept", "x"))
		container := Upper{Driver: driver, Path: upper, Lower: []string{lower},
			MountPoints: []string{"/etc/hosts", "/proc", "/srv/a/b/", "/data", "/full"}}

		changes, err := container.Changes()

		require.NoError(t, err)
		require.Equal(t, []string{"C /data", "C /etc", "A /etc/mine", "A /full", "A /full/kept"}, asText(changes))
		var found []string
		for _, header := range headers(t, diff(t, container)) {
			found = append(found, header.Name)
		}
		require.Equal(t, []string{"./", "data/", "etc/", "etc/mine", "full/", "full/kept"}, found)
	})
}
