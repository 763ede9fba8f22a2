package storage

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever an archive holds, it is unpacked or refused, and nothing outside of its
// folder changes.
func FuzzUnpack(f *testing.F) {
	seeds := [][]tar.Header{
		{folder("a"), file("a/b", "x"), {Typeflag: tar.TypeLink, Name: "c", Linkname: "/a/b"}},
		{{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "../.."}, file("a/secret", "x")},
		{file(".wh.a", ""), file("a/b", ""), file("a/.wh..wh..opq", ""), file(".wh..wh.plnk/x", "")},
		{{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/"}, {Typeflag: tar.TypeLink, Name: "b", Linkname: "a"}, file("b/c", "")},
		{{Typeflag: tar.TypeReg, Name: "a", Linkname: "x", PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b"}}},
	}
	for _, seed := range seeds {
		var buffer bytes.Buffer
		writeTar(f, &buffer, seed...)
		f.Add(buffer.Bytes())
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		outside := t.TempDir()
		target := filepath.Join(outside, "target")
		require.NoError(t, os.Mkdir(target, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))

		err := Unpacker{Driver: AUFS{}, Limits: Limits{Bytes: 1 << 20, Entries: 1000}}.Unpack(bytes.NewReader(archive), target)

		left, readErr := os.ReadDir(outside)
		require.NoError(t, readErr)
		require.Len(t, left, 2, "unpack: %v", err)
		content, readErr := os.ReadFile(filepath.Join(outside, "secret"))
		require.NoError(t, readErr)
		require.Equal(t, "secret", string(content))
	})
}
