package storage

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestArchiveOfAFolderFollowsLinksInTheView(t *testing.T) {
	each(t, func(t *testing.T, driver Driver) {
		view := View{driver, []string{
			layer(t, driver, tar.Header{Typeflag: tar.TypeSymlink, Name: "data", Linkname: "/srv/../srv/real"}, file("srv/real/a", "x"),
				tar.Header{Typeflag: tar.TypeSymlink, Name: "up", Linkname: "../../../../srv"},
				tar.Header{Typeflag: tar.TypeSymlink, Name: "loop", Linkname: "loop"},
				tar.Header{Typeflag: tar.TypeSymlink, Name: "host", Linkname: t.TempDir()}, file("file", "x"), file(".wh.gone", "")),
			layer(t, driver, file("srv/real/b", "x"), file("gone/x", "x")),
		}}
		for _, name := range []string{"/data", "data", "/up/real", "/srv/real/", "/srv/./real/../real"} {
			var archive bytes.Buffer
			require.NoError(t, view.Archive(&archive, name), name)
			var found []string
			for _, header := range headers(t, archive.Bytes()) {
				found = append(found, header.Name)
			}
			require.Equal(t, []string{"./", "a", "b"}, found, name)
		}
		for name, want := range map[string]error{
			"/loop": unix.ELOOP, "/host": unix.ENOENT, "/file": unix.ENOTDIR, "/gone": unix.ENOENT, "/none/x": unix.ENOENT, "/file/x": unix.ENOTDIR,
		} {
			require.ErrorIs(t, view.Archive(io.Discard, name), want, name)
		}
	})
}

func TestRemoveAllFollowsNothing(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "kept"), nil, 0o600))
	target := filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.MkdirAll(filepath.Join(target, "deep/er"), 0o755))
	require.NoError(t, os.Symlink(outside, filepath.Join(target, "deep/link")))

	require.NoError(t, RemoveAll(target))
	require.NoError(t, RemoveAll(target), "twice")

	require.NoDirExists(t, target)
	require.FileExists(t, filepath.Join(outside, "kept"))
}

// A folder that is still mounted somewhere inside is not emptied.
func TestRemoveAllStopsAtMounts(t *testing.T) {
	each(t, func(t *testing.T, _ Driver) {
		precious, target := t.TempDir(), t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(precious, "kept"), nil, 0o600))
		point := filepath.Join(target, "a")
		require.NoError(t, os.Mkdir(point, 0o755))
		require.NoError(t, unix.Mount(precious, point, "", unix.MS_BIND, ""))
		t.Cleanup(func() { require.NoError(t, unix.Unmount(point, 0)) })

		require.ErrorIs(t, RemoveAll(target), unix.EXDEV)

		require.FileExists(t, filepath.Join(precious, "kept"))
	})
}
