package image

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// server is a registry in this process.
type server struct {
	t    *testing.T
	host string
	// before answers a request instead of the registry, if it returns true.
	before func(http.ResponseWriter, *http.Request) bool
	mutex  sync.Mutex
	got    []string // requests that changed nothing
	files  http.Handler
}

func newServer(t *testing.T) *server {
	t.Helper()
	testbed.Require(t, testbed.Root)
	server := &server{t: t, files: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	server.host = strings.TrimPrefix(listening.URL, "http://")
	return server
}

func (s *server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	s.mutex.Lock()
	if request.Method == http.MethodGet {
		s.got = append(s.got, request.URL.Path)
	}
	before := s.before
	s.mutex.Unlock()
	if before == nil || !before(writer, request) {
		s.files.ServeHTTP(writer, request)
	}
}

func (s *server) intercept(before func(http.ResponseWriter, *http.Request) bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.before, s.got = before, nil
}

func (s *server) requests(part string) (count int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, path := range s.got {
		if strings.Contains(path, part) {
			count++
		}
	}
	return count
}

// put puts something into the registry, whatever it is.
func (s *server) put(path, mediaType string, content []byte) {
	s.t.Helper()
	request := httptest.NewRequest(http.MethodPut, path, bytes.NewReader(content))
	request.Header.Set("Content-Type", mediaType)
	recorder := httptest.NewRecorder()
	s.files.ServeHTTP(recorder, request)
	require.Less(s.t, recorder.Code, 300, recorder.Body.String())
}

func (s *server) putBlob(mediaType string, content []byte) v1.Descriptor {
	s.t.Helper()
	id := digest.FromBytes(content)
	request := httptest.NewRequest(http.MethodPost, "/v2/x/blobs/uploads/?digest="+url.QueryEscape(id.String()), bytes.NewReader(content))
	recorder := httptest.NewRecorder()
	s.files.ServeHTTP(recorder, request)
	require.Less(s.t, recorder.Code, 300, recorder.Body.String())
	return v1.Descriptor{MediaType: mediaType, Digest: id, Size: int64(len(content))}
}

// putImage puts an image of layers into the registry, as its manifest and its
// configuration are after change.
func (s *server) putImage(tag string, layers [][]byte, change func(*v1.Manifest, *v1.Image)) v1.Descriptor {
	s.t.Helper()
	config := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, RootFS: v1.RootFS{Type: "layers"}}
	manifest := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	for _, layer := range layers {
		content, err := decompress(io.NopCloser(bytes.NewReader(layer)))
		require.NoError(s.t, err)
		uncompressed, err := io.ReadAll(content)
		require.NoError(s.t, err)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(uncompressed))
		manifest.Layers = append(manifest.Layers, s.putBlob(v1.MediaTypeImageLayer, layer))
	}
	if change != nil {
		change(&manifest, &config)
	}
	content, err := json.Marshal(config)
	require.NoError(s.t, err)
	if manifest.Config.Digest == "" {
		manifest.Config = s.putBlob(v1.MediaTypeImageConfig, content)
	}
	content, err = json.Marshal(manifest)
	require.NoError(s.t, err)
	s.put("/v2/x/manifests/"+tag, manifest.MediaType, content)
	return v1.Descriptor{MediaType: manifest.MediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

func (s *server) name() string { return s.host + "/x" }

func pull(store *Store, name string) (*Image, error) {
	return store.Pull(context.Background(), name, PullOptions{})
}

func zipped(t *testing.T, content []byte) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	defer encoder.Close()
	return encoder.EncodeAll(content, nil)
}

func gzipped(t *testing.T, store *Store, content []byte) []byte {
	t.Helper()
	made, err := store.putLayer(writes(content))
	require.NoError(t, err)
	compressed, err := os.ReadFile(store.blob(made.blob.Digest))
	require.NoError(t, err)
	return compressed
}

func TestPushedIsPulled(t *testing.T) {
	server := newServer(t)
	ours, theirs := newStore(t), newStore(t)
	image := imported(t, ours, server.name()+":1", map[string]string{"etc/a": "content"})

	id, err := ours.Push(context.Background(), server.name()+":1", nil)
	require.NoError(t, err)
	var events atomic.Int64
	pulled, err := theirs.Pull(context.Background(), server.name()+":1", PullOptions{Progress: func(Event) { events.Add(1) }})
	require.NoError(t, err)

	require.Equal(t, image.ID, pulled.ID)
	require.Equal(t, id, pulled.Source)
	require.NotZero(t, events.Load())
	folders, err := theirs.Unpack(pulled)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(folders[0], "etc/a"))

	byDigest, err := pull(theirs, server.name()+"@"+id.String())
	require.NoError(t, err)
	require.Equal(t, image.ID, byDigest.ID)
	server.intercept(nil)
	_, err = pull(theirs, server.name()+":1")
	require.NoError(t, err)
	require.Zero(t, server.requests("/blobs/"), "what is there is not got again")
}

func TestLayersComeInAllForms(t *testing.T) {
	server, store := newServer(t), newStore(t)
	server.putImage("all", [][]byte{
		tarOf(t, map[string]string{"plain": "1"}),
		gzipped(t, store, tarOf(t, map[string]string{"gzip": "2"})),
		zipped(t, tarOf(t, map[string]string{"zstd": "3"})),
	}, nil)

	image, err := pull(store, server.name()+":all")
	require.NoError(t, err)
	folders, err := store.Unpack(image)
	require.NoError(t, err)
	for index, name := range []string{"plain", "gzip", "zstd"} {
		require.FileExists(t, filepath.Join(folders[index], name))
	}
}

func TestAnIndexHasAnImageForThisMachine(t *testing.T) {
	server, store := newServer(t), newStore(t)
	layer := [][]byte{tarOf(t, map[string]string{"a": "1"})}
	amd := server.putImage("amd", layer, nil)
	arm := server.putImage("arm", layer, func(_ *v1.Manifest, config *v1.Image) { config.Architecture = "arm64" })
	amd.Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	arm.Platform = &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	content, err := json.Marshal(v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{arm, amd},
	})
	require.NoError(t, err)
	server.put("/v2/x/manifests/all", v1.MediaTypeImageIndex, content)

	image, err := store.Pull(context.Background(), server.name()+":all", PullOptions{Platform: "linux/amd64"})
	require.NoError(t, err)
	require.Equal(t, "amd64", image.Config.Architecture)
	require.Equal(t, digest.FromBytes(content), image.Source, "the name is one of the index")
	image, err = store.Pull(context.Background(), server.name()+":all", PullOptions{Platform: "linux/aarch64"})
	require.NoError(t, err)
	require.Equal(t, "arm64", image.Config.Architecture)
	_, err = store.Pull(context.Background(), server.name()+":all", PullOptions{Platform: "linux/s390x"})
	require.ErrorContains(t, err, "linux/arm64, linux/amd64")
	_, err = store.Pull(context.Background(), server.name()+":all", PullOptions{Platform: "linux/../x"})
	require.ErrorContains(t, err, "invalid platform")
}

// Whatever a registry sends, it is what the image says or nothing.
func TestPullBelievesNothing(t *testing.T) {
	server := newServer(t)
	layer := tarOf(t, map[string]string{"a": strings.Repeat("x", 3000)})
	other := tarOf(t, map[string]string{"b": "y"})
	manifestOf := func(content string) func(http.ResponseWriter, *http.Request) bool {
		return func(writer http.ResponseWriter, request *http.Request) bool {
			if !strings.Contains(request.URL.Path, "/manifests/") {
				return false
			}
			writer.Header().Set("Content-Type", v1.MediaTypeImageManifest)
			_, _ = io.WriteString(writer, content)
			return true
		}
	}
	blobOf := func(content []byte) func(http.ResponseWriter, *http.Request) bool {
		return func(writer http.ResponseWriter, request *http.Request) bool {
			if !strings.Contains(request.URL.Path, "/blobs/") {
				return false
			}
			_, _ = writer.Write(content)
			return true
		}
	}
	wrong := func(change func(*v1.Manifest, *v1.Image)) string {
		manifest := server.putImage("wrong", [][]byte{layer}, change)
		return manifest.Digest.String()
	}
	sized := func(by int64) string {
		return wrong(func(manifest *v1.Manifest, _ *v1.Image) { manifest.Layers[0].Size += by })
	}
	for name, test := range map[string]struct {
		digest string
		before func(http.ResponseWriter, *http.Request) bool
	}{
		"a blob that is another":          {wrong(nil), blobOf(bytes.Repeat([]byte("z"), len(layer)))},
		"a blob that is empty":            {wrong(nil), blobOf(nil)},
		"a blob that never ends":          {wrong(nil), blobOf(make([]byte, 1<<20))},
		"a layer that is smaller":         {sized(1), nil},
		"a layer that is larger":          {sized(-1), nil},
		"a layer of less than nothing":    {sized(-1 << 40), nil},
		"a layer that unpacks to another": {wrong(func(_ *v1.Manifest, c *v1.Image) { c.RootFS.DiffIDs[0] = digest.FromBytes(other) }), nil},
		"fewer layers than configured":    {wrong(func(m *v1.Manifest, _ *v1.Image) { m.Layers = nil }), nil},
		"more layers than configured":     {wrong(func(_ *v1.Manifest, c *v1.Image) { c.RootFS.DiffIDs = nil }), nil},
		"a digest that climbs":            {wrong(func(_ *v1.Manifest, c *v1.Image) { c.RootFS.DiffIDs[0] = "sha256:../../../../x" }), nil},
		"a layer whose digest climbs":     {"", manifestOf(`{"schemaVersion":2,"config":{"digest":"` + string(someDigest) + `"},"layers":[{"digest":"sha256:../x"}]}`)},
		"a configuration that is large":   {wrong(func(m *v1.Manifest, _ *v1.Image) { m.Config = v1.Descriptor{Digest: someDigest, Size: 1 << 40} }), nil},
		"a manifest that is large":        {"", manifestOf(`{"schemaVersion":2,"x":"` + strings.Repeat("x", 5<<20) + `"}`)},
		"a manifest that is no JSON":      {"", manifestOf("<html>Welcome to our hotel</html>")},
		"a manifest that is null":         {"", manifestOf("null")},
		"a manifest of the first version": {"", manifestOf(`{"schemaVersion":1,"fsLayers":[]}`)},
		"a manifest of nothing":           {"", manifestOf(`{"schemaVersion":2,"layers":[]}`)},
		"a manifest that is an index":     {"", manifestOf(`{"schemaVersion":2,"config":{"digest":"` + string(someDigest) + `"},"layers":[],"manifests":[]}`)},
		"a manifest that says it is one":  {"", manifestOf(`{"schemaVersion":2,"mediaType":"` + v1.MediaTypeImageIndex + `","config":{"digest":"` + string(someDigest) + `"},"layers":[]}`)},
		"a manifest that is another":      {someDigest.String(), manifestOf(`{"schemaVersion":2,"layers":[]}`)},
		"a manifest that there is not":    {someDigest.String(), nil},
		"an index of itself": {"", func(writer http.ResponseWriter, request *http.Request) bool {
			if !strings.Contains(request.URL.Path, "/manifests/") {
				return false
			}
			writer.Header().Set("Content-Type", v1.MediaTypeImageIndex)
			fmt.Fprintf(writer, `{"schemaVersion":2,"manifests":[{"digest":%q,"size":1,"platform":{"os":"linux","architecture":"amd64"}}]}`, someDigest)
			return true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			server.intercept(test.before)
			reference := server.name() + ":wrong"
			if test.digest != "" {
				reference = server.name() + "@" + test.digest
			}

			_, err := pull(store, reference)

			require.Error(t, err)
			t.Log(err)
			names, err := filepath.Glob(store.path("names", "*"))
			require.NoError(t, err)
			require.Empty(t, names)
			require.Empty(t, layersOf(t, store))
			partial, err := filepath.Glob(store.path("partial", "*"))
			require.NoError(t, err)
			require.Empty(t, partial)
		})
	}
}

// A network that fails now and then costs time and nothing else.
func TestPullTriesAgain(t *testing.T) {
	server, store := newServer(t), newStore(t)
	server.putImage("1", [][]byte{tarOf(t, map[string]string{"a": strings.Repeat("x", 100_000)}), tarOf(t, map[string]string{"b": "y"})}, nil)
	server.intercept(func(writer http.ResponseWriter, request *http.Request) bool {
		if !strings.Contains(request.URL.Path, "/x/") {
			return false
		}
		switch server.requests(request.URL.Path) {
		default:
			return false
		case 1:
			writer.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			writer.WriteHeader(http.StatusTooManyRequests)
		case 3: // half an answer, and then none
			writer.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(writer, strings.Repeat("x", 500))
			connection, _, err := http.NewResponseController(writer).Hijack()
			if err == nil {
				_ = connection.Close()
			}
		}
		return true
	})

	_, err := pull(store, server.name()+":1")

	require.NoError(t, err)
	server.intercept(func(writer http.ResponseWriter, _ *http.Request) bool {
		writer.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	_, err = pull(store, server.name()+":1")
	require.ErrorContains(t, err, "tried 5 times")
	_, err = store.Find(server.name() + ":1")
	require.NoError(t, err, "the name means what it meant")
}

// What was complete is not got again after a pull that failed.
func TestPullGoesOnWhereItEnded(t *testing.T) {
	server, store := newServer(t), newStore(t)
	first, second := tarOf(t, map[string]string{"a": "1"}), tarOf(t, map[string]string{"b": "2"})
	server.putImage("1", [][]byte{first, second}, nil)
	server.intercept(func(writer http.ResponseWriter, request *http.Request) bool {
		missing := strings.HasSuffix(request.URL.Path, digest.FromBytes(second).String())
		if missing {
			writer.WriteHeader(http.StatusNotFound)
		}
		return missing
	})
	_, err := pull(store, server.name()+":1")
	require.Error(t, err)
	require.NoError(t, store.ensure(t.Context(), v1.Descriptor{Digest: digest.FromBytes(first), Size: int64(len(first))},
		func() error {
			return store.add(v1.Descriptor{Digest: digest.FromBytes(first), Size: int64(len(first))}, bytes.NewReader(first))
		}))

	server.intercept(nil)
	_, err = pull(store, server.name()+":1")

	require.NoError(t, err)
	require.Zero(t, server.requests(digest.FromBytes(first).String()))
	require.Equal(t, 1, server.requests(digest.FromBytes(second).String()))
}

func TestTwoPullsGetEachBlobOnce(t *testing.T) {
	server, store := newServer(t), newStore(t)
	layer := tarOf(t, map[string]string{"a": "1"})
	server.putImage("1", [][]byte{layer}, nil)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := pull(store, server.name()+":1"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	require.Equal(t, 1, server.requests(digest.FromBytes(layer).String()))
}

func TestPullEndsWithItsContext(t *testing.T) {
	server, store := newServer(t), newStore(t)
	server.putImage("1", [][]byte{tarOf(t, map[string]string{"a": "1"})}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	server.intercept(func(_ http.ResponseWriter, request *http.Request) bool {
		if !strings.Contains(request.URL.Path, "/blobs/") {
			return false
		}
		cancel()
		<-request.Context().Done()
		return true
	})

	_, err := store.Pull(ctx, server.name()+":1", PullOptions{})

	require.ErrorIs(t, err, context.Canceled)
}
