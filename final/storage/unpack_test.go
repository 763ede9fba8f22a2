package storage

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// archive returns a tar archive of entries; a file's content is its Linkname.
func archive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, entry := range entries {
		content := ""
		if entry.Typeflag == tar.TypeReg {
			content, entry.Linkname = entry.Linkname, ""
			entry.Size = int64(len(content))
		}
		entry.Uid, entry.Gid = max(entry.Uid, os.Getuid()), max(entry.Gid, os.Getgid())
		require.NoError(t, writer.WriteHeader(&entry))
		_, err := io.WriteString(writer, content)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	return buffer.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: content, Mode: 0o644}
}

func TestUnpackKeepsWhatTheArchiveSays(t *testing.T) {
	testbed.Require(t, testbed.Root)
	target := t.TempDir()
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

	err := Unpack(bytes.NewReader(archive(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: then},
		tar.Header{Typeflag: tar.TypeReg, Name: "tmp/su", Linkname: "content", Mode: 0o4711, Uid: 12, Gid: 34, ModTime: then,
			PAXRecords: map[string]string{"SCHILY.xattr.user.note": "kept"}},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "/etc/passwd", ModTime: then},
		tar.Header{Typeflag: tar.TypeLink, Name: "hard", Linkname: "tmp/su"},
		file("deep/without/folders", "x"),
	)), target)

	require.NoError(t, err)
	var stat, hard unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(target, "tmp/su"), &stat))
	require.Equal(t, uint32(unix.S_IFREG|0o4711), stat.Mode)
	require.Equal(t, [2]uint32{12, 34}, [2]uint32{stat.Uid, stat.Gid})
	require.Equal(t, then.Unix(), stat.Mtim.Sec)
	require.NoError(t, unix.Stat(filepath.Join(target, "hard"), &hard))
	require.Equal(t, stat.Ino, hard.Ino)
	value := make([]byte, 16)
	count, err := unix.Getxattr(filepath.Join(target, "tmp/su"), "user.note", value)
	require.NoError(t, err)
	require.Equal(t, "kept", string(value[:count]))
	require.NoError(t, unix.Stat(filepath.Join(target, "tmp"), &stat))
	require.Equal(t, uint32(unix.S_IFDIR|0o1777), stat.Mode)
	require.Equal(t, then.Unix(), stat.Mtim.Sec)
	linked, err := os.Readlink(filepath.Join(target, "link"))
	require.NoError(t, err)
	require.Equal(t, "/etc/passwd", linked)
	require.NoError(t, unix.Lstat(filepath.Join(target, "link"), &stat))
	require.Equal(t, then.Unix(), stat.Mtim.Sec)
	require.FileExists(t, filepath.Join(target, "deep/without/folders"))
}

func TestUnpackStaysInside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"climbing name":            {file("../escaped", "x")},
		"climbing name in between": {file("a/../../escaped", "x")},
		"through a symlink": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, file("door/escaped", "x"),
		},
		"through an absolute symlink": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: "OUTSIDE"}, file("door/escaped", "x"),
		},
		"hard link to the outside": {{Typeflag: tar.TypeLink, Name: "stolen", Linkname: "../secret"}},
		"hard link through a symlink": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, {Typeflag: tar.TypeLink, Name: "stolen", Linkname: "door/secret"},
		},
		"root as a symlink": {{Typeflag: tar.TypeSymlink, Name: "./", Linkname: ".."}, file("escaped", "x")},
		"root as a file":    {file(".", "x")},
		"deletion":          {file("etc/.wh.passwd", "")},
		"deletion of all":   {file("etc/.wh..wh..opq", "")},
		"device":            {{Typeflag: tar.TypeBlock, Name: "disk", Devmajor: 8, Mode: 0o666}},
		"fifo":              {{Typeflag: tar.TypeFifo, Name: "fifo", Mode: 0o666}},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			target := filepath.Join(outside, "target")
			require.NoError(t, os.Mkdir(target, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
			for index := range entries {
				entries[index].Linkname = strings.ReplaceAll(entries[index].Linkname, "OUTSIDE", outside)
			}

			require.Error(t, Unpack(bytes.NewReader(archive(t, entries...)), target))

			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Len(t, left, 2)
			require.NoFileExists(t, filepath.Join(target, "stolen"))
		})
	}
}

// What belongs to the machine that made the archive, or would have overlayfs show
// other files than those of the layer, is left out.
func TestUnpackLeavesForeignAttributesOut(t *testing.T) {
	testbed.Require(t, testbed.Root)
	target := t.TempDir()
	attributes := map[string]string{
		"trusted.overlay.redirect": "/etc", "trusted.overlay.opaque": "y", "trusted.note": "x", "user.overlay.opaque": "y",
		"security.selinux": "x", "user.note": "x",
	}
	records := make(map[string]string)
	for name, value := range attributes {
		records["SCHILY.xattr."+name] = value
	}

	require.NoError(t, Unpack(bytes.NewReader(archive(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "folder", Mode: 0o755, PAXRecords: records})), target))

	names := make([]byte, 1024)
	count, err := unix.Listxattr(filepath.Join(target, "folder"), names)
	require.NoError(t, err)
	require.Equal(t, "user.note\x00", string(names[:count]))
}

// An absolute name is meant from the root of the image, as tar(1) takes it.
func TestAbsoluteNamesAreRelativeToTheImage(t *testing.T) {
	target := t.TempDir()

	require.NoError(t, Unpack(bytes.NewReader(archive(t, file("/etc/file", "x"))), target))

	require.FileExists(t, filepath.Join(target, "etc/file"))
}

func TestLaterEntryReplacesAnEarlierOne(t *testing.T) {
	target := t.TempDir()

	require.NoError(t, Unpack(bytes.NewReader(archive(t,
		tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "b"}, file("b", "first"), file("a", "second"),
	)), target))

	content, err := os.ReadFile(filepath.Join(target, "b"))
	require.NoError(t, err)
	require.Equal(t, "first", string(content))
}

func opener(content []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

func TestLayerIsCompleteOrAbsent(t *testing.T) {
	content := archive(t, file("a", "content"), file("b", strings.Repeat("x", 10_000)))
	layers := NewLayers(t.TempDir())
	id := digest.FromBytes(content)

	for name, broken := range map[string][]byte{
		"cut short": content[:3000],
		"empty":     {},
		"other":     archive(t, file("c", "other")),
		"appended":  append(bytes.Clone(content), 0),
	} {
		_, err := layers.Ensure(id, opener(broken))
		require.Error(t, err, name)
		require.NoDirExists(t, layers.Path(id), name)
		partial, err := filepath.Glob(filepath.Join(layers.root, "partial", "*"))
		require.NoError(t, err)
		require.Empty(t, partial, name)
	}
	path, err := layers.Ensure(id, opener(content))
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(path, "b"))
}

func TestLayerIsUnpackedOnce(t *testing.T) {
	content := archive(t, file("a", "content"))
	layers := NewLayers(t.TempDir())
	var mutex sync.Mutex
	opened := 0
	open := func() (io.ReadCloser, error) {
		mutex.Lock()
		defer mutex.Unlock()
		opened++
		return opener(content)()
	}

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := layers.Ensure(digest.FromBytes(content), open); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	require.Equal(t, 1, opened)
	_, err := layers.Ensure(digest.FromBytes(content), func() (io.ReadCloser, error) { return nil, errors.New("not needed") })
	require.NoError(t, err)
}

func TestTidyRemovesWhatDeadUnpackersLeft(t *testing.T) {
	layers := NewLayers(t.TempDir())
	require.NoError(t, layers.Tidy(), "nothing has been unpacked yet")
	dead, working := digest.FromString("dead"), digest.FromString("working")
	for _, id := range []digest.Digest{dead, working} {
		require.NoError(t, os.MkdirAll(filepath.Join(layers.partial(id), "etc"), 0o755))
	}
	unlock, err := layers.lock(working)
	require.NoError(t, err)
	defer unlock()

	require.NoError(t, layers.Tidy())

	require.NoDirExists(t, layers.partial(dead))
	require.DirExists(t, layers.partial(working))
}
