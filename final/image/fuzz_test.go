package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"

	"mytinydocker/final/storage"
)

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"architecture":"amd64","os":"linux","config":{"Env":["A=b"],"Cmd":["sh"],"ExposedPorts":{"80/tcp":{}}},"rootfs":{"type":"layers","diff_ids":["`+string(someDigest)+`"]}}`), 1)
	f.Add([]byte(`{"rootfs":{"type":"layers"}}`), 0)
	f.Add([]byte(`null`), 0)
	f.Fuzz(func(t *testing.T, content []byte, layers int) {
		config, err := parseConfig(content, layers)
		if err != nil {
			return
		}
		require.Len(t, config.RootFS.DiffIDs, layers)
		for _, layer := range config.RootFS.DiffIDs {
			require.NoError(t, layer.Validate())
			require.Equal(t, filepath.Base(layer.Encoded()), layer.Encoded())
		}
		overlaid, err := overlayJSON(content, []byte(`{"config":{"User":"x"}}`))
		if err == nil {
			require.True(t, bytes.Contains(overlaid, []byte(`"User":"x"`)))
		}
	})
}

func archiveOf(f *testing.F, files map[string]string) []byte {
	f.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for name, content := range files {
		require.NoError(f, writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644}))
		_, err := writer.Write([]byte(content))
		require.NoError(f, err)
	}
	require.NoError(f, writer.Close())
	return buffer.Bytes()
}

// Whatever is loaded, nothing gets a name that is not whole.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("no archive"))
	layer := make([]byte, 1024) // an archive of nothing
	config := fmt.Appendf(nil, `{"rootfs":{"type":"layers","diff_ids":["%s"]}}`, digest.FromBytes(layer))
	f.Add(archiveOf(f, map[string]string{"l": string(layer), "c": string(config), "manifest.json": `[{"Config":"c","RepoTags":["x:1"],"Layers":["l"]}]`}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		root := t.TempDir()
		layers := storage.NewLayers(filepath.Join(root, "layers"), storage.Overlay{})
		layers.Limits = storage.Limits{Bytes: 1 << 20, Entries: 100}
		store := New(filepath.Join(root, "images"), layers)

		_, err := loadFrom(store, archive)

		images, listed := store.List()
		require.NoError(t, listed)
		for _, image := range images {
			require.NoError(t, image.Damage, "load: %v", err)
			if !image.isBuiltIn() {
				_, err := store.Unpack(image)
				require.NoError(t, err)
			}
		}
	})
}

// A record is read, or damaged; then it is listed with what is known of it, and can be
// removed.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{"", "null", "{}", `{"name":"x:1","manifest":{"digest":"` + string(someDigest) + `"}}`, `{"name":"../x","manifest":{"digest":"sha256:../x"}}`} {
		f.Add([]byte(seed), "x:1")
	}
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		if name == "" {
			return // its file would be called by its manifest
		}
		root := t.TempDir()
		store := New(filepath.Join(root, "images"), storage.NewLayers(filepath.Join(root, "layers"), storage.Overlay{}))
		folder, err := store.folder("names")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, (&record{Name: name}).key()), content, 0o600))
		records, err := store.records()
		require.NoError(t, err)
		for _, record := range records {
			_, err := store.image(record)
			require.ErrorIs(t, err, ErrDamaged, "there are no blobs")
			image := damagedImage(record, err)
			require.NoError(t, image.ID.Validate())
			removal, err := store.removeDamaged(image.ID.Encoded()[:12])
			require.NoError(t, err)
			require.Len(t, removal.Deleted, 1)
		}
	})
}
