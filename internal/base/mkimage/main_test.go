package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// image builds the image once and returns its archive and its configuration.
func image(t *testing.T) (archive []byte, config v1.Image) {
	t.Helper()
	t.Chdir("../../..")
	folder := t.TempDir()
	require.NoError(t, build(folder, filepath.Join(folder, "base.tar")))
	archive, err := os.ReadFile(filepath.Join(folder, "base.tar"))
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(folder, "config.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &config))
	return archive, config
}

func TestImageIsTheSameEveryTime(t *testing.T) {
	t.Chdir("../../..")
	first, second := t.TempDir(), t.TempDir()
	require.NoError(t, build(first, ""))
	require.NoError(t, build(second, ""))

	for _, name := range []string{"base.tar.gz", "config.json"} {
		one, err := os.ReadFile(filepath.Join(first, name))
		require.NoError(t, err)
		other, err := os.ReadFile(filepath.Join(second, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(one, other), name)
	}
}

func TestCompressedArchiveIsTheOneTheConfigurationNames(t *testing.T) {
	archive, config := image(t)
	require.Equal(t, []digest.Digest{digest.FromBytes(archive)}, config.RootFS.DiffIDs)

	reader, err := gzip.NewReader(bytes.NewReader(compress(archive)))
	require.NoError(t, err)
	unpacked, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.True(t, bytes.Equal(archive, unpacked))
}

func TestRootIsAProperOne(t *testing.T) {
	archive, _ := image(t)
	entries := make(map[string]*tar.Header)
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		entries[header.Name] = header
		if header.Name != "home/app/" {
			require.Zero(t, header.Uid+header.Gid, header.Name)
		}
	}

	for name, mode := range map[string]int64{
		"./": 0o755, "tmp/": 0o1777, "var/tmp/": 0o1777, "root/": 0o700, "proc/": 0o555, "etc/passwd": 0o644, "bin/box": 0o755,
	} {
		require.Contains(t, entries, name)
		require.Equal(t, mode, entries[name].Mode, name)
	}
	require.Equal(t, "box", entries["bin/sh"].Linkname)
	require.Equal(t, "bin", entries["sbin"].Linkname)
}
