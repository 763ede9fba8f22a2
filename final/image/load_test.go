package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/pgzip"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func saved(t *testing.T, store *Store, ociOnly bool, names ...string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	require.NoError(t, store.Save(names, &buffer, ociOnly))
	return buffer.Bytes()
}

func loadFrom(store *Store, archive []byte) ([]*Image, error) {
	return store.Load(context.Background(), bytes.NewReader(archive), nil)
}

// contents returns the files of an archive.
func contents(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if err == io.EOF { //nolint:errorlint // it is never wrapped
			return files
		}
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		files[header.Name] = string(content)
	}
}

func TestSavedIsLoaded(t *testing.T) {
	store := newStore(t)
	first := imported(t, store, "team/a:1", map[string]string{"a": "1"})
	require.NoError(t, store.Tag("team/a:1", "b"))
	second := imported(t, store, "c", map[string]string{"c": "2"})

	for _, ociOnly := range []bool{true, false} {
		archive := saved(t, store, ociOnly, "team/a:1", "b", "c")
		require.Equal(t, archive, saved(t, store, ociOnly, "team/a:1", "b", "c"), "the same images make the same archive")
		other := newStore(t)
		images, err := loadFrom(other, archive)
		require.NoError(t, err)
		require.Len(t, images, 3)
		for name, id := range map[string]digest.Digest{"team/a:1": first.ID, "b:latest": first.ID, "c:latest": second.ID} {
			found, err := other.Find(name)
			require.NoError(t, err)
			require.Equal(t, id, found.ID)
		}
		require.Len(t, layersOf(t, other), 2)
		require.Len(t, blobsOf(t, other), 6, "nothing is left of the archive itself")
		require.Equal(t, archive, saved(t, other, ociOnly, "team/a:1", "b", "c"))
	}
}

func TestSaveByIDHasNoName(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "named", map[string]string{"a": "1"})

	other := newStore(t)
	images, err := loadFrom(other, saved(t, store, false, image.ID.Encoded()))

	require.NoError(t, err)
	require.Equal(t, Reference{}, images[0].Reference)
	_, err = other.Find("named")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = other.Find(image.ID.Encoded()[:12])
	require.NoError(t, err)
}

func TestTheBuiltInImageIsSavedAndLoaded(t *testing.T) {
	testbed.Require(t, testbed.BaseImage)
	store := newStore(t)
	archive := saved(t, store, false, "base")

	images, err := loadFrom(store, archive)

	require.NoError(t, err)
	require.Equal(t, "base:latest", images[0].Reference.String())
	other := imported(t, store, "other", map[string]string{"a": "1"})
	evil := dockerArchive(t, store, other, func(files map[string]string) {
		files["manifest.json"] = strings.Replace(files["manifest.json"], "old:1", "base", 1)
	})
	_, err = loadFrom(store, evil)
	require.ErrorIs(t, err, errBuiltIn)
	found, err := store.Find("base")
	require.NoError(t, err)
	require.NotEqual(t, other.ID, found.ID)
}

// dockerArchive is what docker save wrote until 2023.
func dockerArchive(t *testing.T, store *Store, image *Image, change func(map[string]string)) []byte {
	t.Helper()
	layer, err := store.OpenLayer(image, image.Layers()[0])
	require.NoError(t, err)
	defer layer.Close()
	content, err := io.ReadAll(layer)
	require.NoError(t, err)
	manifest, err := json.Marshal([]dockerImage{{Config: image.ID.Encoded() + ".json", RepoTags: []string{"old:1"}, Layers: []string{"abc/layer.tar"}}})
	require.NoError(t, err)
	files := map[string]string{
		image.ID.Encoded() + ".json": string(image.raw), "abc/layer.tar": string(content), "abc/VERSION": "1.0", "manifest.json": string(manifest),
	}
	if change != nil {
		change(files)
	}
	return tarOf(t, files)
}

func TestArchivesOfOldDockerAreLoaded(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "1"})
	plain := dockerArchive(t, store, image, nil)
	var zipped bytes.Buffer
	zipper := pgzip.NewWriter(&zipped)
	_, err := zipper.Write(plain)
	require.NoError(t, err)
	require.NoError(t, zipper.Close())

	for _, archive := range [][]byte{plain, zipped.Bytes()} {
		other := newStore(t)
		images, err := loadFrom(other, archive)
		require.NoError(t, err)
		require.Equal(t, "old:1", images[0].Reference.String())
		require.Equal(t, image.ID, images[0].ID)
		folders, err := other.Unpack(images[0])
		require.NoError(t, err)
		require.FileExists(t, filepath.Join(folders[0], "a"))
	}
}

// In some of them a layer is a link to that of another image.
func TestLinksInArchivesLeadInside(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "1"})
	linked := func(target string) []byte {
		var buffer bytes.Buffer
		writer := tar.NewWriter(&buffer)
		files := contents(t, dockerArchive(t, store, image, func(files map[string]string) {
			files["def/layer.tar"] = files["abc/layer.tar"]
			delete(files, "abc/layer.tar")
		}))
		for _, name := range slices.Sorted(maps.Keys(files)) {
			require.NoError(t, writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name]))}))
			_, err := io.WriteString(writer, files[name])
			require.NoError(t, err)
		}
		require.NoError(t, writer.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "abc/layer.tar", Linkname: target}))
		require.NoError(t, writer.Close())
		return buffer.Bytes()
	}

	_, err := loadFrom(newStore(t), linked("../def/layer.tar"))
	require.NoError(t, err)
	for _, target := range []string{"/etc/passwd", "../../../../../../etc/passwd", "layer.tar"} {
		_, err := loadFrom(newStore(t), linked(target))
		require.Error(t, err, target)
	}
}

func TestLoadBelievesNothing(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "1"})
	whole := contents(t, saved(t, store, true, "x"))
	changed := func(change func(files map[string]string)) []byte {
		files := maps.Clone(whole)
		change(files)
		return tarOf(t, files)
	}
	blob := blobName(image.blobs[0].Digest)
	for name, archive := range map[string][]byte{
		"nothing":                  nil,
		"no archive":               []byte(strings.Repeat("x", 2000)),
		"an archive of no image":   tarOf(t, map[string]string{"etc/passwd": "root"}),
		"an archive cut short":     saved(t, store, true, "x")[:1500],
		"a blob that is another":   changed(func(files map[string]string) { files[blob] = "other" }),
		"a blob that is missing":   changed(func(files map[string]string) { delete(files, blob) }),
		"no configuration":         changed(func(files map[string]string) { delete(files, blobName(image.ID)) }),
		"an index that is no JSON": changed(func(files map[string]string) { files["index.json"] = "x" }),
		"an index of nothing":      changed(func(files map[string]string) { files["index.json"] = `{"schemaVersion":2,"manifests":[]}` }),
		"an index that climbs": changed(func(files map[string]string) {
			files["index.json"] = `{"schemaVersion":2,"manifests":[{"digest":"sha256:../x"}]}`
		}),
		"another layer than it says": dockerArchive(t, store, image, func(files map[string]string) { files["abc/layer.tar"] = string(tarOf(t, nil)) }),
		"a name that is none": dockerArchive(t, store, image, func(files map[string]string) {
			files["manifest.json"] = strings.Replace(files["manifest.json"], "old:1", "../x", 1)
		}),
		"a configuration that climbs": dockerArchive(t, store, image, func(files map[string]string) {
			files["manifest.json"] = `[{"Config":"../../../../etc/passwd","Layers":[]}]`
		}),
	} {
		t.Run(name, func(t *testing.T) {
			other := newStore(t)

			_, err := loadFrom(other, archive)

			require.Error(t, err)
			t.Log(err)
			names, err := filepath.Glob(other.path("names", "*"))
			require.NoError(t, err)
			require.Empty(t, names)
			require.Empty(t, layersOf(t, other))
		})
	}
}

// What changes on disk is found before it is spread.
func TestSaveVerifies(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "1"})
	file, err := os.OpenFile(store.blob(image.blobs[0].Digest), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("!"), 20)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	require.ErrorAs(t, store.Save([]string{"x"}, io.Discard, false), &WrongContentError{})
}

// umoci and skopeo write a tag where others have a name.
func TestATagAloneIsNoName(t *testing.T) {
	for name, want := range map[string]string{"latest": "", "1.0": "", "a:1": "a:1", "docker.io/library/a:1": "a:1", "ghcr.io/a/b": "ghcr.io/a/b:latest", "../x:y": ""} {
		require.Equal(t, want, nameIn(map[string]string{v1.AnnotationRefName: name}), name)
	}
}
