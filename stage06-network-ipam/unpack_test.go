package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// archiveOf makes a tar archive; the content of a file is in its Linkname.
func archiveOf(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, entry := range entries {
		content := ""
		if entry.Typeflag == tar.TypeReg {
			content, entry.Linkname = entry.Linkname, ""
			entry.Size = int64(len(content))
		}
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

	err := unpack(bytes.NewReader(archiveOf(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: then},
		tar.Header{Typeflag: tar.TypeReg, Name: "tmp/su", Linkname: "content", Mode: 0o4711, Uid: 12, Gid: 34, ModTime: then},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "/etc/passwd", ModTime: then},
		tar.Header{Typeflag: tar.TypeLink, Name: "hard", Linkname: "tmp/su"},
	)), target)

	require.NoError(t, err)
	var stat, hard unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(target, "tmp/su"), &stat))
	require.NoError(t, unix.Stat(filepath.Join(target, "hard"), &hard))
	require.Equal(t, uint32(unix.S_IFREG|0o4711), stat.Mode)
	require.Equal(t, []uint32{12, 34}, []uint32{stat.Uid, stat.Gid})
	require.Equal(t, then.Unix(), stat.Mtim.Sec)
	require.Equal(t, stat.Ino, hard.Ino)
	require.NoError(t, unix.Stat(filepath.Join(target, "tmp"), &stat))
	require.Equal(t, uint32(unix.S_IFDIR|0o1777), stat.Mode)
	require.Equal(t, then.Unix(), stat.Mtim.Sec, "although a file was put into it later")
	require.NoError(t, unix.Lstat(filepath.Join(target, "link"), &stat))
	require.Equal(t, then.Unix(), stat.Mtim.Sec)
	linked, err := os.Readlink(filepath.Join(target, "link"))
	require.NoError(t, err)
	require.Equal(t, "/etc/passwd", linked)
}

// An archive to which somebody has appended has some files twice: the last counts,
// and it is not written through what the first was.
func TestLaterEntryReplacesAnEarlierOne(t *testing.T) {
	testbed.Require(t, testbed.Root)
	target := t.TempDir()

	err := unpack(bytes.NewReader(archiveOf(t,
		file("plain", "old"), tar.Header{Typeflag: tar.TypeLink, Name: "hard", Linkname: "plain"}, file("plain", "new"),
		tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "hard"}, file("link", "new"),
	)), target)

	require.NoError(t, err)
	require.Equal(t, "new", content(t, target, "plain"))
	require.Equal(t, "new", content(t, target, "link"))
	require.Equal(t, "old", content(t, target, "hard"))
}

func TestUnpackStaysInside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"climbing name":               {file("../escaped", "x")},
		"another climbing name":       {file("a/../../escaped", "x")},
		"absolute name":               {file("/escaped", "x")},
		"through a symlink":           {{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, file("door/escaped", "x")},
		"through an absolute symlink": {{Typeflag: tar.TypeSymlink, Name: "door", Linkname: "OUTSIDE"}, file("door/escaped", "x")},
		"hard link to the outside":    {{Typeflag: tar.TypeLink, Name: "stolen", Linkname: "../secret"}},
		"hard link through a symlink": {
			{Typeflag: tar.TypeSymlink, Name: "door", Linkname: ".."}, {Typeflag: tar.TypeLink, Name: "stolen", Linkname: "door/secret"},
		},
		"device": {{Typeflag: tar.TypeBlock, Name: "disk", Devmajor: 8, Mode: 0o666}},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			target := filepath.Join(outside, "target")
			require.NoError(t, os.Mkdir(target, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
			for index := range entries {
				entries[index].Linkname = strings.ReplaceAll(entries[index].Linkname, "OUTSIDE", outside)
			}

			err := unpack(bytes.NewReader(archiveOf(t, entries...)), target)

			require.Error(t, err)
			if strings.HasSuffix(name, " name") {
				require.ErrorContains(t, err, "leads out of the image")
			}
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Len(t, left, 2, "only the target and the secret")
			require.NoFileExists(t, filepath.Join(target, "stolen"))
		})
	}
}
