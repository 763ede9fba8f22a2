package storage

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// drivers are those whose layers can be written and read without a mount.
var drivers = []Driver{Overlay{}, AUFS{}}

// each runs a test for every driver.
func each(t *testing.T, test func(t *testing.T, driver Driver)) {
	t.Helper()
	testbed.Require(t, testbed.Root)
	for _, driver := range drivers {
		t.Run(driver.Name(), func(t *testing.T) { test(t, driver) })
	}
}

// layer unpacks a layer into a folder of its own.
func layer(t *testing.T, driver Driver, entries ...tar.Header) string {
	t.Helper()
	path := t.TempDir()
	require.NoError(t, Unpacker{Driver: driver}.Unpack(bytes.NewReader(tarOf(t, entries...)), path))
	return path
}

// names returns the files that layers show, from the top down.
func names(t *testing.T, driver Driver, layers ...string) []string {
	t.Helper()
	var buffer bytes.Buffer
	require.NoError(t, View{driver, layers}.Archive(&buffer, "/"))
	var names []string
	for _, header := range headers(t, buffer.Bytes()) {
		names = append(names, header.Name)
	}
	return names
}

func TestDeletionsHideWhatIsBelow(t *testing.T) {
	each(t, func(t *testing.T, driver Driver) {
		lower := layer(t, driver, file("a", "x"), file("b", "x"), file("d/one", "x"), file("d/two", "x"), file("e/f", "x"))
		for name, test := range map[string]struct {
			entries []tar.Header
			want    []string
		}{
			"a file":                {[]tar.Header{file(".wh.a", "")}, []string{"./", "b", "d/", "d/one", "d/two", "e/", "e/f"}},
			"a folder":              {[]tar.Header{file(".wh.d", "")}, []string{"./", "a", "b", "e/", "e/f"}},
			"twice":                 {[]tar.Header{file(".wh.d", ""), file(".wh.d", "")}, []string{"./", "a", "b", "e/", "e/f"}},
			"a file of a folder":    {[]tar.Header{file("d/.wh.one", "")}, []string{"./", "a", "b", "d/", "d/two", "e/", "e/f"}},
			"all of a folder":       {[]tar.Header{folder("d"), file("d/.wh..wh..opq", "")}, []string{"./", "a", "b", "d/", "e/", "e/f"}},
			"all of it, said late":  {[]tar.Header{file("d/new", "x"), file("d/.wh..wh..opq", "")}, []string{"./", "a", "b", "d/", "d/new", "e/", "e/f"}},
			"all of it, said early": {[]tar.Header{file("d/.wh..wh..opq", ""), file("d/new", "x")}, []string{"./", "a", "b", "d/", "d/new", "e/", "e/f"}},
			"a folder, replaced":    {[]tar.Header{file(".wh.d", ""), file("d/new", "x")}, []string{"./", "a", "b", "d/", "d/new", "e/", "e/f"}},
			"a folder, replaced before": {[]tar.Header{folder("d"), file("d/new", "x"), file(".wh.d", "")},
				[]string{"./", "a", "b", "d/", "d/new", "e/", "e/f"}},
			"a file, replaced":        {[]tar.Header{file(".wh.a", ""), file("a", "new")}, []string{"./", "a", "b", "d/", "d/one", "d/two", "e/", "e/f"}},
			"a file, replaced before": {[]tar.Header{file("a", "new"), file(".wh.a", "")}, []string{"./", "a", "b", "d/", "d/one", "d/two", "e/", "e/f"}},
			"a folder by a file":      {[]tar.Header{file("d", "new")}, []string{"./", "a", "b", "d", "e/", "e/f"}},
			"everything":              {[]tar.Header{file(".wh..wh..opq", ""), file("new", "x")}, []string{"./", "new"}},
			"what is not there":       {[]tar.Header{file("x/.wh.y", "")}, []string{"./", "a", "b", "d/", "d/one", "d/two", "e/", "e/f", "x/"}},
			"bookkeeping of aufs": {[]tar.Header{file(".wh..wh.aufs", ""), folder(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", "x"), folder(".wh..wh.orph")},
				[]string{"./", "a", "b", "d/", "d/one", "d/two", "e/", "e/f"}},
		} {
			t.Run(name, func(t *testing.T) {
				upper := layer(t, driver, test.entries...)

				require.Equal(t, test.want, names(t, driver, upper, lower))
			})
		}
	})
}

func TestDeletionsAreWrittenInTheWayOfTheDriver(t *testing.T) {
	testbed.Require(t, testbed.Root)
	entries := []tar.Header{file(".wh.a", ""), file("d/.wh..wh..opq", "")}

	aufs := layer(t, AUFS{}, entries...)
	require.FileExists(t, filepath.Join(aufs, ".wh.a"))
	require.FileExists(t, filepath.Join(aufs, "d/.wh..wh..opq"))

	overlay := layer(t, Overlay{}, entries...)
	var stat unix.Stat_t
	require.NoError(t, unix.Lstat(filepath.Join(overlay, "a"), &stat))
	require.Equal(t, uint32(unix.S_IFCHR), stat.Mode&unix.S_IFMT)
	require.Zero(t, stat.Rdev)
	value := make([]byte, 8)
	count, err := unix.Lgetxattr(filepath.Join(overlay, "d"), "trusted.overlay.opaque", value)
	require.NoError(t, err)
	require.Equal(t, "y", string(value[:count]))
}

// What is deleted cannot hold anything, and a mark of a deletion is no file to link to.
func TestStrangeDeletionsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, driver Driver) {
		for name, entries := range map[string][]tar.Header{
			"a file in a deleted folder":   {folder(".wh.d"), file(".wh.d/x", "x")},
			"a link to a deleted file":     {file(".wh.d", ""), {Typeflag: tar.TypeLink, Name: "x", Linkname: "d"}},
			"a deletion in a deleted file": {file("a/.wh.d/.wh.x", "")},
		} {
			err := Unpacker{Driver: driver}.Unpack(bytes.NewReader(tarOf(t, entries...)), t.TempDir())

			require.Error(t, err, name)
		}
	})
}

// The kernel and we must see the same.
func TestViewIsWhatTheMountShows(t *testing.T) {
	eachMount(t, func(t *testing.T, driver Driver) {
		layers := []string{
			layer(t, driver, file("a", "top"), file(".wh.b", ""), file("d/.wh..wh..opq", ""), file("d/new", "x"), file("e/.wh.f", "")),
			layer(t, driver, file("a", "middle"), file("b", "x"), file("c/g", "x"), file("d/old", "x"), file("e/f", "x"), file(".wh.h", "")),
			layer(t, driver, file("c/h", "x"), file("e/i", "x"), file("h/j", "x"), file("d/older", "x")),
		}
		_, merged := mount(t, driver, layers...)

		require.Equal(t, files(t, merged), names(t, driver, layers...)[1:])
		require.Equal(t, "top", read(t, merged, "a"))
	})
}

// files returns the names of all files below a folder, as an archive has them.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		name, err := filepath.Rel(folder, path)
		require.NoError(t, err)
		if entry.IsDir() {
			name += "/"
		}
		if path != folder {
			names = append(names, name)
		}
		return nil
	}))
	return names
}
