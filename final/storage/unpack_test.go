package storage

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// tarOf returns a tar archive of entries; a file's content is its Linkname.
func tarOf(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writeTar(t, &buffer, entries...)
	return buffer.Bytes()
}

func writeTar(t testing.TB, out io.Writer, entries ...tar.Header) {
	t.Helper()
	writer := tar.NewWriter(out)
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
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: content, Mode: 0o644}
}

func folder(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}
}

func TestUnpackKeepsWhatTheArchiveSays(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.UserXattr)
	target := t.TempDir()
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

	err := Unpack(bytes.NewReader(tarOf(t,
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

// An archive is refused, or what it says stays in the folder: either way nothing
// outside changes, and nothing from there gets in.
func TestUnpackStaysInside(t *testing.T) {
	testbed.Require(t, testbed.Root)
	for name, entries := range map[string][]tar.Header{
		"climbing name":            {file("../escaped", "x")},
		"climbing name in between": {file("a/../../escaped", "x")},
		"through a symlink": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, file("door/escaped", "x"),
		},
		"through an absolute symlink": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: "OUTSIDE"}, file("door/escaped", "x"),
		},
		"through a symlink that replaces a folder": {
			file("door/a", "x"), {Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, file("door/escaped", "x"),
		},
		"through a symlink of a symlink": {
			{Typeflag: tar.TypeSymlink, Name: "a", Linkname: ".."}, {Typeflag: tar.TypeSymlink, Name: "b", Linkname: "a/.."},
			file("b/escaped", "x"),
		},
		"through /proc": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: "/proc/self/cwd"}, file("door/escaped", "x"),
		},
		"over a symlink to a file": {
			{Typeflag: tar.TypeSymlink, Name: "secret", Linkname: "../secret"}, file("secret", "x"),
		},
		"attributes through a hard link to a symlink": {
			{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "../secret"}, {Typeflag: tar.TypeLink, Name: "hard", Linkname: "link", Mode: 0o4777},
			file("hard", "x"),
		},
		"hard link to the outside":          {{Typeflag: tar.TypeLink, Name: "stolen", Linkname: "../secret"}},
		"absolute hard link to the outside": {{Typeflag: tar.TypeLink, Name: "stolen", Linkname: "OUTSIDE/secret"}},
		"hard link through a symlink": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, {Typeflag: tar.TypeLink, Name: "stolen", Linkname: "door/secret"},
		},
		"root as a symlink":         {{Typeflag: tar.TypeSymlink, Name: "./", Linkname: ".."}, file("escaped", "x")},
		"root as a hard link":       {file("a", "x"), {Typeflag: tar.TypeLink, Name: ".", Linkname: "a"}},
		"root as a file":            {file(".", "x")},
		"folder over a symlink":     {{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, folder("door"), file("door/escaped", "x")},
		"deletion of the parent":    {file(".wh...", "")},
		"deletion of the folder":    {file("a/.wh..", "")},
		"deletion of nothing":       {file(".wh.", "")},
		"deletion through symlinks": {{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, file("door/.wh.secret", "")},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			target := filepath.Join(outside, "target")
			require.NoError(t, os.Mkdir(target, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
			for index := range entries {
				entries[index].Linkname = strings.ReplaceAll(entries[index].Linkname, "OUTSIDE", outside)
			}

			err := Unpacker{Driver: Overlay{}}.Unpack(bytes.NewReader(tarOf(t, entries...)), target)

			t.Log("unpack:", err)
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Len(t, left, 2)
			content, err := os.ReadFile(filepath.Join(outside, "secret"))
			require.NoError(t, err)
			require.Equal(t, "secret", string(content))
			info, err := os.Stat(filepath.Join(outside, "secret"))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
			require.NoFileExists(t, filepath.Join(target, "stolen"))
			info, err = os.Lstat(target)
			require.NoError(t, err)
			require.True(t, info.IsDir(), "the root is a folder")
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	whole := tarOf(t, file("a", strings.Repeat("x", 2000)))
	for name, archive := range map[string][]byte{
		"a climbing name":                         tarOf(t, file("../escaped", "x")),
		"a file as the root":                      tarOf(t, file(".", "x")),
		"a deletion without a lower layer":        tarOf(t, file("etc/.wh.passwd", "")),
		"a deletion of all without a lower layer": tarOf(t, file("etc/.wh..wh..opq", "")),
		"a link to nothing":                       tarOf(t, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "b"}),
		"a link to a folder":                      tarOf(t, folder("b"), tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "b"}),
		"a file inside of a file":                 tarOf(t, file("a", "x"), file("a/b", "x")),
		"an unknown type":                         tarOf(t, tar.Header{Typeflag: 'V', Name: "volume"}),
		"a name that is too long":                 tarOf(t, file(strings.Repeat("x", 300), "x")),
		"a path that is too long":                 tarOf(t, file(strings.Repeat("x/", 3000)+"x", "x")),
		"an archive cut in a file":                whole[:1000],
		"an archive cut in a header":              whole[:100],
		"something else":                          []byte(strings.Repeat("no archive", 100)),
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, Unpack(bytes.NewReader(archive), t.TempDir()))
		})
	}
}

// Those who made an archive have written where in their machine they were.
func TestHardLinksAreInsideOfTheArchive(t *testing.T) {
	target := t.TempDir()

	require.NoError(t, Unpack(bytes.NewReader(tarOf(t, file("a/b", "x"),
		tar.Header{Typeflag: tar.TypeLink, Name: "absolute", Linkname: "/a/b"},
		tar.Header{Typeflag: tar.TypeLink, Name: "a/dotted", Linkname: "./a/b"},
		tar.Header{Typeflag: tar.TypeLink, Name: "a/b", Linkname: "a/b"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "/a"},
		tar.Header{Typeflag: tar.TypeLink, Name: "link/through", Linkname: "link/b"},
	)), target))

	var stat unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(target, "a/b"), &stat))
	require.EqualValues(t, 4, stat.Nlink)
	require.FileExists(t, filepath.Join(target, "a/through"))
}

// Only /dev of a container has devices, and those are the runtime's.
func TestUnpackLeavesDevicesOut(t *testing.T) {
	testbed.Require(t, testbed.Root)
	target := t.TempDir()

	require.NoError(t, Unpack(bytes.NewReader(tarOf(t,
		tar.Header{Typeflag: tar.TypeBlock, Name: "dev/disk", Devmajor: 8, Mode: 0o666},
		tar.Header{Typeflag: tar.TypeChar, Name: "dev/nothing", Mode: 0o666},
		tar.Header{Typeflag: tar.TypeFifo, Name: "pipe", Mode: 0o640, Uid: 12},
	)), target))

	entries, err := os.ReadDir(filepath.Join(target, "dev"))
	require.NoError(t, err)
	require.Empty(t, entries)
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(target, "pipe"), &stat))
	require.Equal(t, uint32(unix.S_IFIFO|0o640), stat.Mode)
	require.EqualValues(t, 12, stat.Uid)
}

// What belongs to the machine that made the archive, or would have overlayfs show
// other files than those of the layer, is left out.
func TestUnpackLeavesForeignAttributesOut(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.UserXattr)
	target := t.TempDir()
	attributes := map[string]string{
		"trusted.overlay.redirect": "/etc", "trusted.overlay.opaque": "y", "trusted.note": "x", "user.overlay.opaque": "y",
		"security.selinux": "x", "user.note": "x",
	}
	records := make(map[string]string)
	for name, value := range attributes {
		records["SCHILY.xattr."+name] = value
	}

	require.NoError(t, Unpack(bytes.NewReader(tarOf(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "folder", Mode: 0o755, PAXRecords: records})), target))

	names := make([]byte, 1024)
	count, err := unix.Listxattr(filepath.Join(target, "folder"), names)
	require.NoError(t, err)
	require.Equal(t, "user.note\x00", string(names[:count]))
}

// An absolute name is meant from the root of the image, as tar(1) takes it.
func TestAbsoluteNamesAreRelativeToTheImage(t *testing.T) {
	target := t.TempDir()

	require.NoError(t, Unpack(bytes.NewReader(tarOf(t, file("/etc/file", "x"))), target))

	require.FileExists(t, filepath.Join(target, "etc/file"))
}

func TestLaterEntryReplacesAnEarlierOne(t *testing.T) {
	target := t.TempDir()

	require.NoError(t, Unpack(bytes.NewReader(tarOf(t,
		tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "b"}, file("b", "first"), file("a", "second"),
	)), target))

	content, err := os.ReadFile(filepath.Join(target, "b"))
	require.NoError(t, err)
	require.Equal(t, "first", string(content))
}

func TestFoldersAndFilesReplaceEachOther(t *testing.T) {
	target := t.TempDir()
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

	require.NoError(t, Unpack(bytes.NewReader(tarOf(t,
		folder("a"), file("a/deep/file", "x"), file("a", "now a file"),
		file("b", "x"), folder("b"), file("b/in", "x"),
		folder("c"), file("c/kept", "x"), tar.Header{Typeflag: tar.TypeDir, Name: "c", Mode: 0o700, ModTime: then},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "d", Linkname: "c"}, folder("d"), file("d/in", "x"),
	)), target))

	require.FileExists(t, filepath.Join(target, "a"))
	require.FileExists(t, filepath.Join(target, "b/in"))
	require.FileExists(t, filepath.Join(target, "c/kept"))
	require.NoFileExists(t, filepath.Join(target, "c/in"))
	require.FileExists(t, filepath.Join(target, "d/in"))
	info, err := os.Stat(filepath.Join(target, "c"))
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|0o700, info.Mode())
	require.True(t, info.ModTime().Equal(then))
}

// An archive has a name for a folder, and another one for it after a link to it has
// been replaced.
func TestAReplacedLinkLeadsNowhereElse(t *testing.T) {
	target := t.TempDir()

	require.NoError(t, Unpack(bytes.NewReader(tarOf(t,
		folder("a"), tar.Header{Typeflag: tar.TypeSymlink, Name: "a/self", Linkname: "."}, file("a/self/one", "x"),
		folder("a/self"), file("a/self/two", "x"),
	)), target))

	require.FileExists(t, filepath.Join(target, "a/one"))
	require.NoFileExists(t, filepath.Join(target, "a/two"))
	require.FileExists(t, filepath.Join(target, "a/self/two"))
}

func TestUnpackHasLimits(t *testing.T) {
	var many []tar.Header
	for index := range 100 {
		many = append(many, file(fmt.Sprint(index), "x"))
	}
	archive := tarOf(t, many...)
	var large TooLargeError

	require.ErrorAs(t, Unpacker{Limits: Limits{Entries: 99}}.Unpack(bytes.NewReader(archive), t.TempDir()), &large)
	require.Equal(t, TooLargeError{99, "entries"}, large)
	require.ErrorAs(t, Unpacker{Limits: Limits{Bytes: 50_000}}.Unpack(bytes.NewReader(archive), t.TempDir()), &large)
	require.Equal(t, TooLargeError{50_000, "bytes"}, large)
	require.NoError(t, Unpacker{Limits: Limits{Entries: 100, Bytes: 200_000}}.Unpack(bytes.NewReader(archive), t.TempDir()))
}

// A header may promise more than there will ever be.
func TestUnpackBelievesNoSize(t *testing.T) {
	archive := tarOf(t, file("a", "x"))
	copy(archive[124:136], "77777777777\x00") // 8 GiB
	copy(archive[148:156], "        ")
	sum := 0
	for _, value := range archive[:512] {
		sum += int(value)
	}
	copy(archive[148:156], fmt.Sprintf("%06o\x00 ", sum))

	require.Error(t, Unpacker{Limits: Limits{Bytes: 1 << 20}}.Unpack(bytes.NewReader(archive), t.TempDir()))
}

// GNU tar leaves holes out in four forms.
func TestSparseFilesAreUnpacked(t *testing.T) {
	const size = 5 << 20
	for _, form := range []string{"--format=gnu", "--sparse-version=0.0", "--sparse-version=0.1", "--sparse-version=1.0"} {
		t.Run(form, func(t *testing.T) {
			source, target := t.TempDir(), t.TempDir()
			sparse, err := os.Create(filepath.Join(source, "sparse"))
			require.NoError(t, err)
			_, err = sparse.WriteAt([]byte("in the middle"), 3<<20)
			require.NoError(t, err)
			require.NoError(t, sparse.Truncate(size))
			require.NoError(t, sparse.Close())
			options := []string{"--sparse", form, "-C", source, "-cf", "-", "sparse"}
			if form != "--format=gnu" {
				options = append([]string{"--format=posix"}, options...)
			}
			archive, err := exec.Command("tar", options...).Output()
			require.NoError(t, err)
			require.Less(t, len(archive), 1<<20)

			require.NoError(t, Unpack(bytes.NewReader(archive), target))

			want, err := os.ReadFile(filepath.Join(source, "sparse"))
			require.NoError(t, err)
			content, err := os.ReadFile(filepath.Join(target, "sparse"))
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, content))
			var stat unix.Stat_t
			require.NoError(t, unix.Stat(filepath.Join(target, "sparse"), &stat))
			require.Less(t, stat.Blocks*512, int64(size/2))
		})
	}
}
