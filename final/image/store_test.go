package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"mytinydocker/final/storage"
	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func newStore(t *testing.T) *Store {
	t.Helper()
	testbed.Require(t, testbed.Root)
	root := t.TempDir()
	store := New(filepath.Join(root, "images"), storage.NewLayers(filepath.Join(root, "layers"), storage.Overlay{}))
	store.Registries.Patience = time.Millisecond
	return store
}

// tarOf returns a tar archive of files.
func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for name, content := range files {
		require.NoError(t, writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644}))
		_, err := io.WriteString(writer, content)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	return buffer.Bytes()
}

func writes(content []byte) func(io.Writer) error {
	return func(out io.Writer) error { _, err := out.Write(content); return err }
}

// imported makes an image of files.
func imported(t *testing.T, store *Store, name string, files map[string]string) *Image {
	t.Helper()
	image, err := store.Import(bytes.NewReader(tarOf(t, files)), MakeOptions{Name: name})
	require.NoError(t, err)
	return image
}

func blobsOf(t *testing.T, store *Store) []string {
	t.Helper()
	found, err := filepath.Glob(store.path("blobs", "sha256", "*"))
	require.NoError(t, err)
	return found
}

func layersOf(t *testing.T, store *Store) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(store.root), "layers", "overlay", "sha256", "*"))
	require.NoError(t, err)
	return found
}

func nobody(digest.Digest) ([]string, error) { return nil, nil }

func TestBlobsAreVerifiedBeforeTheyHaveAName(t *testing.T) {
	store := newStore(t)
	content := []byte("content")
	right := v1.Descriptor{Digest: digest.FromBytes(content), Size: 7}
	for name, wrong := range map[string]struct {
		blob    v1.Descriptor
		content string
	}{
		"another content": {right, "CONTENT"},
		"more":            {right, "content!"},
		"less":            {right, "conten"},
		"more, as said":   {v1.Descriptor{Digest: right.Digest, Size: 8}, "content!"},
	} {
		require.Error(t, store.add(wrong.blob, bytes.NewReader([]byte(wrong.content))), name)
		require.Empty(t, blobsOf(t, store), name)
		left, err := os.ReadDir(store.path("partial"))
		require.NoError(t, err)
		require.Empty(t, left, name)
	}
	require.NoError(t, store.add(right, bytes.NewReader(content)))
	has, err := store.has(right)
	require.NoError(t, err)
	require.True(t, has)
	_, err = store.has(v1.Descriptor{Digest: right.Digest, Size: 8})
	require.ErrorAs(t, err, &WrongContentError{}, "another image says that it has another size")
	for _, id := range []digest.Digest{"", "sha256:../../../etc/passwd", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e"} {
		_, err := store.has(v1.Descriptor{Digest: id})
		require.Error(t, err, id)
		_, err = store.open(id)
		require.Error(t, err, id)
	}
}

func TestImagesHaveNames(t *testing.T) {
	store := newStore(t)
	first := imported(t, store, "team/tool:1", map[string]string{"a": "1"})
	require.NoError(t, store.Tag("team/tool:1", "localhost:5000/other"))

	for _, name := range []string{"team/tool:1", "localhost:5000/other:latest", first.ID.String(), first.ID.Encoded(), first.ID.Encoded()[:12]} {
		found, err := store.Find(name)
		require.NoError(t, err, name)
		require.Equal(t, first.ID, found.ID, name)
	}
	for _, name := range []string{"team/tool", "team/tool:2", "tool:1", "feedc0ffee"} {
		_, err := store.Find(name)
		require.ErrorIs(t, err, ErrNotFound, name)
	}
	for _, name := range []string{"", "../names", "a b"} {
		_, err := store.Find(name)
		require.ErrorContains(t, err, "invalid image name", "%q", name)
	}
}

// An image that loses its name is still there, and can be had by its id.
func TestANameCanGoToAnotherImage(t *testing.T) {
	store := newStore(t)
	old := imported(t, store, "x", map[string]string{"a": "old"})
	young := imported(t, store, "x", map[string]string{"a": "new"})

	found, err := store.Find("x")
	require.NoError(t, err)
	require.Equal(t, young.ID, found.ID)
	found, err = store.Find(old.ID.Encoded())
	require.NoError(t, err)
	require.Equal(t, Reference{}, found.Reference)

	removal, err := store.Prune(false, nobody, nil)
	require.NoError(t, err)
	require.Equal(t, []digest.Digest{old.ID}, removal.Deleted)
	require.NotZero(t, removal.Freed)
	_, err = store.Find(old.ID.Encoded())
	require.ErrorIs(t, err, ErrNotFound)
	_, err = store.Find("x")
	require.NoError(t, err)
}

func TestRemoveTakesTheNamesFirst(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "1"})
	require.NoError(t, store.Tag("x", "y"))

	removal, err := store.Remove("x", false, nobody)
	require.NoError(t, err)
	require.Equal(t, Removal{Untagged: []string{"x:latest"}}, removal)
	require.Len(t, layersOf(t, store), 1)

	user := func(digest.Digest) ([]string, error) { return []string{"0123456789abcdef"}, nil }
	_, err = store.Remove("y", false, user)
	require.ErrorContains(t, err, "in use by the container 0123456789ab")

	removal, err = store.Remove("y", false, nobody)
	require.NoError(t, err)
	require.Equal(t, []string{"y:latest"}, removal.Untagged)
	require.Equal(t, []digest.Digest{image.ID}, removal.Deleted)
	require.Empty(t, blobsOf(t, store))
	require.Empty(t, layersOf(t, store))
}

func TestRemoveByIDTakesAllNamesOfOneRepository(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x:1", map[string]string{"a": "1"})
	require.NoError(t, store.Tag("x:1", "x:2"))
	require.NoError(t, store.Tag("x:1", "y"))

	_, err := store.Remove(image.ID.Encoded()[:8], false, nobody)
	require.ErrorContains(t, err, "several repositories")

	_, err = store.Remove("y", false, nobody)
	require.NoError(t, err)
	removal, err := store.Remove(image.ID.Encoded()[:8], false, nobody)
	require.NoError(t, err)
	require.Equal(t, []string{"x:1", "x:2"}, removal.Untagged)
	require.Empty(t, blobsOf(t, store))
}

// A container has its layers as long as it is there.
func TestLayersOfContainersStay(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "1"})
	store.InUse = func() ([]digest.Digest, error) { return image.Layers(), nil }

	_, err := store.Remove("x", true, func(digest.Digest) ([]string, error) { return []string{"c"}, nil })
	require.NoError(t, err)
	require.Empty(t, blobsOf(t, store))
	require.Len(t, layersOf(t, store), 1)

	store.InUse = func() ([]digest.Digest, error) { return nil, errors.New("a record cannot be read") }
	_, err = store.Sweep()
	require.Error(t, err)
	require.Len(t, layersOf(t, store), 1, "in doubt nothing is removed")

	store.InUse = nil
	_, err = store.Sweep()
	require.NoError(t, err)
	require.Empty(t, layersOf(t, store))
}

// What is on its way in is not garbage.
func TestNothingIsSweptWhileSomebodyHoldsTheStore(t *testing.T) {
	store := newStore(t)
	imported(t, store, "x", map[string]string{"a": "1"})
	release, err := store.Hold()
	require.NoError(t, err)
	other, err := store.put("text/plain", []byte("of an image that has no name yet"))
	require.NoError(t, err)

	_, err = store.Remove("x", false, nobody)
	require.NoError(t, err)
	require.Len(t, blobsOf(t, store), 4)
	require.FileExists(t, store.blob(other.Digest))

	release()
	require.Empty(t, blobsOf(t, store), "who lets go last sweeps")
	require.NoFileExists(t, store.path("garbage"))
}

func TestPruneAllKeepsWhatIsInUse(t *testing.T) {
	store := newStore(t)
	used := imported(t, store, "used", map[string]string{"a": "1"})
	free := imported(t, store, "free", map[string]string{"a": "2"})
	users := func(id digest.Digest) ([]string, error) {
		if id == used.ID {
			return []string{"c"}, nil
		}
		return nil, nil
	}

	removal, err := store.Prune(true, users, nil)

	require.NoError(t, err)
	require.Equal(t, []digest.Digest{free.ID}, removal.Deleted)
	_, err = store.Find("used")
	require.NoError(t, err)
}

// A record that cannot be read stops the collector, and nothing else is lost.
func TestDamagedRecordsRemoveNothing(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "1"})
	for _, content := range []string{"", "null", "{}", "binary\x00", `{"name":"../x","manifest":{"digest":"sha256:../../x"}}`} {
		path := store.path("names", (&record{Name: "x:latest"}).key())
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))

		_, err = store.Find("x")
		require.Error(t, err, content)
		freed, err := store.Sweep()
		require.NoError(t, err, content)
		require.Zero(t, freed)

		require.NoError(t, os.WriteFile(path, whole, 0o600))
	}
	require.Len(t, blobsOf(t, store), 3)
	_, err := store.Find(image.ID.String())
	require.NoError(t, err)
}

// Other tools read the store as what it is.
func TestTheStoreIsAnOCIImageLayout(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x:1", map[string]string{"a": "1"})

	content, err := os.ReadFile(store.path("index.json"))
	require.NoError(t, err)
	var index v1.Index
	require.NoError(t, json.Unmarshal(content, &index))
	require.Len(t, index.Manifests, 1)
	require.Equal(t, image.manifest.Digest, index.Manifests[0].Digest)
	require.Equal(t, "docker.io/library/x:1", index.Manifests[0].Annotations["io.containerd.image.name"])
	content, err = os.ReadFile(store.path("oci-layout"))
	require.NoError(t, err)
	require.JSONEq(t, `{"imageLayoutVersion":"1.0.0"}`, string(content))
}

func TestTheBuiltInImageIsAlwaysThere(t *testing.T) {
	testbed.Require(t, testbed.BaseImage)
	store := newStore(t)
	found, err := store.Find("base")
	require.NoError(t, err)
	_, err = os.Lstat(store.root)
	require.ErrorIs(t, err, fs.ErrNotExist, "that takes no store")
	images, err := store.List()
	require.NoError(t, err)
	require.Len(t, images, 1)

	require.NoError(t, store.Tag("base", "mine"))
	mine, err := store.Find("mine")
	require.NoError(t, err)
	require.Equal(t, found.ID, mine.ID)
	require.Equal(t, found.Layers(), mine.Layers())
	_, err = store.Unpack(mine)
	require.NoError(t, err)
	_, err = store.Find(found.ID.Encoded()[:10])
	require.NoError(t, err)

	_, err = store.Remove("base", true, nobody)
	require.ErrorIs(t, err, errBuiltIn)
	require.ErrorIs(t, store.Tag("mine", "base"), errBuiltIn)
	require.ErrorIs(t, store.Tag("mine", "docker.io/library/base:latest"), errBuiltIn)
	_, err = store.Import(bytes.NewReader(tarOf(t, nil)), MakeOptions{Name: "base"})
	require.ErrorIs(t, err, errBuiltIn)
	_, err = store.Sweep()
	require.NoError(t, err)
	require.Len(t, layersOf(t, store), 1)
}

// Whoever writes a record, or waits for its lock, holds the store.
func TestSweepRemovesWhatAKilledCommandHasWrittenHalf(t *testing.T) {
	store := newStore(t)
	release, err := store.Hold()
	require.NoError(t, err)
	left := []string{".index.json123", ".oci-layout123", "names/.123", "locks/name-" + strings.Repeat("0", 64), "locks/blob-" + strings.Repeat("0", 64)}
	for _, name := range left {
		_, err := store.folder(filepath.Dir(name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(store.path(name), nil, 0o600))
	}

	_, err = store.Sweep()
	require.NoError(t, err)
	require.FileExists(t, store.path(left[0]), "somebody may be writing it")
	release()

	for _, name := range left {
		require.NoFileExists(t, store.path(name))
	}
}
