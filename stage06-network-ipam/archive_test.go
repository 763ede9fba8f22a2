package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// described is all that an archive has to keep of a file.
type described struct {
	Mode, Owner, Group uint32
	Seconds, Nanos     int64
	Content, Link      string
	HardLinks          uint64
	Attributes         map[string]string
}

// describe returns what there is below a folder, by name.
func describe(t *testing.T, folder string) map[string]described {
	t.Helper()
	all := make(map[string]described)
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		var stat unix.Stat_t
		require.NoError(t, unix.Lstat(path, &stat))
		one := described{Mode: stat.Mode, Owner: stat.Uid, Group: stat.Gid, Seconds: stat.Mtim.Sec, Nanos: stat.Mtim.Nsec}
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			one.Link, err = os.Readlink(path)
			require.NoError(t, err)
		case entry.Type().IsRegular():
			one.Content, one.HardLinks = content(t, path), stat.Nlink
		}
		if entry.Type().IsRegular() || entry.IsDir() {
			one.Attributes = attributesOf(t, path)
		}
		all[strings.TrimPrefix(path, folder)] = one
		return nil
	}))
	return all
}

func attributesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, name := range []string{"user.one", "user.two", "user.100%=3D", "security.capability", "trusted.overlay.opaque"} {
		value := make([]byte, 100)
		if length, err := unix.Lgetxattr(path, name, value); err == nil {
			found[name] = string(value[:length])
		}
	}
	return found
}

// netRaw is cap_net_raw=ep, as capabilities(7) has it stored.
const netRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func plantEverything(t *testing.T, folder string) {
	t.Helper()
	in := func(name string) string { return filepath.Join(folder, name) }
	require.NoError(t, os.Mkdir(in("folder"), 0o755))
	require.NoError(t, os.Mkdir(in("empty"), 0o700))
	require.NoError(t, os.Chmod(in("empty"), 0o1777|os.ModeSticky))
	for name, text := range map[string]string{
		"plain": "text", "none": "", "su": "#!/bin/sh\n", "folder/big": strings.Repeat("0123456789", 100_000), ".wh.not-a-whiteout": "",
		"a name with spaces, \"quotes\" and\na line": "x", "not utf-8: \xff\xfe": "x", "ünïcödé": "x", "folder/" + strings.Repeat("long", 60): "x",
	} {
		require.NoError(t, os.WriteFile(in(name), []byte(text), 0o640))
	}
	require.NoError(t, unix.Chown(in("su"), 1234, 4_000_000))
	require.NoError(t, unix.Chmod(in("su"), 0o6755))
	require.NoError(t, os.Link(in("plain"), in("folder/hard")))
	for name, target := range map[string]string{"link": "plain", "dangling": "/no/such", "outside": "/etc/shadow", "up": "../../..", "to-folder": "folder"} {
		require.NoError(t, os.Symlink(target, in(name)))
		require.NoError(t, unix.Lchown(in(name), 5, 6))
	}
	require.NoError(t, unix.Mkfifo(in("fifo"), 0o620))
	require.NoError(t, unix.Setxattr(in("plain"), "user.one", []byte("a\x00b"), 0))
	require.NoError(t, unix.Setxattr(in("folder"), "user.two", []byte("folder"), 0))
	require.NoError(t, unix.Setxattr(in("folder"), "user.100%=3D", nil, 0))
	require.NoError(t, unix.Setxattr(in("su"), "security.capability", []byte(netRaw), 0))
	setTimesBelow(t, folder)
}

func setTimesBelow(t *testing.T, folder string) {
	t.Helper()
	then := time.Date(1999, 12, 31, 23, 59, 58, 987_654_321, time.UTC)
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		require.NoError(t, err)
		then = then.Add(time.Hour + time.Nanosecond)
		spec := unix.NsecToTimespec(then.UnixNano())
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{spec, spec}, unix.AT_SYMLINK_NOFOLLOW)
	}))
}

func TestArchiveKeepsEverything(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.UserXattr)
	source, target := t.TempDir(), t.TempDir()
	plantEverything(t, source)
	root, err := os.OpenRoot(source)
	require.NoError(t, err)
	defer root.Close()
	var stored bytes.Buffer

	require.NoError(t, archive(root, &stored))
	require.NoError(t, unpack(&stored, target))

	require.Equal(t, describe(t, source), describe(t, target))
	var first, second unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(target, "plain"), &first))
	require.NoError(t, unix.Stat(filepath.Join(target, "folder/hard"), &second))
	require.Equal(t, first.Ino, second.Ino)
}

// meanwhile is an archive during whose first file something happens.
type meanwhile struct {
	bytes.Buffer
	happens func(first string)
}

func (m *meanwhile) Write(data []byte) (int, error) {
	if first := regexp.MustCompile(`file-\d`).Find(data); first != nil && m.happens != nil {
		m.happens(string(first))
		m.happens = nil
	}
	return m.Buffer.Write(data)
}

func TestFilesChangeWhileTheyArePacked(t *testing.T) {
	testbed.Require(t, testbed.Root)
	text := strings.Repeat("x", 100_000)
	for name, test := range map[string]struct {
		happens func(path string) error
		want    string
	}{
		"it grows":   {func(path string) error { return os.WriteFile(path, []byte(text+"more"), 0o600) }, text},
		"it shrinks": {func(path string) error { return os.Truncate(path, 10) }, text[:10] + strings.Repeat("\x00", 100_000-10)},
		"it goes":    {os.Remove, text},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := t.TempDir(), t.TempDir()
			for _, file := range []string{"file-1", "file-2", "file-3"} {
				require.NoError(t, os.WriteFile(filepath.Join(source, file), []byte(text), 0o600))
			}
			root, err := os.OpenRoot(source)
			require.NoError(t, err)
			defer root.Close()
			var packed string
			stored := meanwhile{happens: func(first string) {
				packed = first
				require.NoError(t, test.happens(filepath.Join(source, first)))
				for _, file := range []string{"file-1", "file-2", "file-3"} {
					if file != first {
						require.NoError(t, os.Remove(filepath.Join(source, file)))
					}
				}
			}}

			require.NoError(t, archive(root, &stored))
			require.NoError(t, unpack(&stored, target))

			require.Equal(t, test.want, content(t, target, packed))
			left, err := os.ReadDir(target)
			require.NoError(t, err)
			require.Len(t, left, 1, "the others have gone before they were read")
		})
	}
}

// What cannot be in an image is left out, and a line says so; and what no image may
// say is not believed.
func TestArchiveHoldsNoDevicesAndNoSockets(t *testing.T) {
	testbed.Require(t, testbed.Root)
	source, target := t.TempDir(), t.TempDir()
	require.NoError(t, unix.Mknod(filepath.Join(source, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	require.NoError(t, unix.Mknod(filepath.Join(source, "socket"), unix.S_IFSOCK|0o666, 0))
	require.NoError(t, os.Mkdir(filepath.Join(source, "folder"), 0o755))
	require.NoError(t, unix.Setxattr(filepath.Join(source, "folder"), "trusted.overlay.opaque", []byte("y"), 0))
	root, err := os.OpenRoot(source)
	require.NoError(t, err)
	defer root.Close()
	var stored bytes.Buffer

	require.NoError(t, archive(root, &stored))
	require.NoError(t, unpack(&stored, target))

	left := describe(t, target)
	require.Len(t, left, 2, "itself and the folder")
	require.Empty(t, left["/folder"].Attributes)
}

func TestUnpackBelievesOnlySomeAttributes(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.UserXattr)
	target := t.TempDir()
	entry := file("file", "x")
	entry.PAXRecords = map[string]string{"SCHILY.xattr.trusted.overlay.redirect": "/elsewhere", "SCHILY.xattr.user.one": "kept"}

	require.NoError(t, unpack(bytes.NewReader(archiveOf(t, entry)), target))

	require.Equal(t, map[string]string{"user.one": "kept"}, attributesOf(t, filepath.Join(target, "file")))
	_, err := unix.Lgetxattr(filepath.Join(target, "file"), "trusted.overlay.redirect", nil)
	require.ErrorIs(t, err, unix.ENODATA)
}
