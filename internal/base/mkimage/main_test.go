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

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) {
	// As mage does, at the root of the module.
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// image is what a build writes, by name.
type image map[string][]byte

func buildImage(t *testing.T) image {
	t.Helper()
	testbed.Require(t, testbed.GoTool)
	folder := t.TempDir()
	require.NoError(t, build(folder, filepath.Join(folder, "base.tar")))
	built := make(image)
	for _, name := range []string{"base.tar", "base.tar.gz", "config.json"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		built[name] = content
	}
	return built
}

func TestImage(t *testing.T) {
	built := buildImage(t)

	t.Run("is the same every time", func(t *testing.T) {
		for name, content := range buildImage(t) {
			require.True(t, bytes.Equal(built[name], content), name)
		}
	})
	t.Run("is the one that its configuration names", func(t *testing.T) {
		var config v1.Image
		require.NoError(t, json.Unmarshal(built["config.json"], &config))
		require.Equal(t, []digest.Digest{digest.FromBytes(built["base.tar"])}, config.RootFS.DiffIDs)

		reader, err := gzip.NewReader(bytes.NewReader(built["base.tar.gz"]))
		require.NoError(t, err)
		unpacked, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.True(t, bytes.Equal(built["base.tar"], unpacked))
	})
	t.Run("has a proper root", func(t *testing.T) { requireProperRoot(t, built["base.tar"]) })
}

func requireProperRoot(t *testing.T, archive []byte) {
	t.Helper()
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
