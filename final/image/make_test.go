package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestCommitAddsALayer(t *testing.T) {
	testbed.Require(t, testbed.BaseImage)
	store := newStore(t)
	parent, err := store.Find("base")
	require.NoError(t, err)
	created := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	config := parent.Config.Config
	config.Cmd = []string{"of", "the container"}
	diff := tarOf(t, map[string]string{"new": "file"})

	made, err := store.Commit(parent, config, writes(diff), MakeOptions{
		Name: "mine:1", Author: "me", Comment: "why", CreatedBy: "sh -c x", Created: created,
		Changes: []string{`ENTRYPOINT ["/bin/x", "a b"]`, "ENV A=b"},
	})

	require.NoError(t, err)
	require.Equal(t, append(parent.Layers(), made.Layers()[1]), made.Layers(), "the parent's are shared")
	require.Equal(t, []string{"/bin/x", "a b"}, made.Config.Config.Entrypoint)
	require.Equal(t, []string{"of", "the container"}, made.Config.Config.Cmd)
	require.Contains(t, made.Config.Config.Env, "A=b")
	require.NotContains(t, parent.Config.Config.Env, "A=b")
	require.Equal(t, "me", made.Config.Author)
	require.True(t, made.Config.Created.Equal(created))
	steps, err := store.History(made)
	require.NoError(t, err)
	require.Equal(t, "why", steps[0].Comment)
	require.Equal(t, "sh -c x", steps[0].CreatedBy)
	require.EqualValues(t, 4, steps[0].Size)
	require.Len(t, steps, len(parent.Config.History)+1)
	again, err := store.Commit(parent, config, writes(diff), MakeOptions{
		Author: "me", Comment: "why", CreatedBy: "sh -c x", Created: created, Changes: []string{`ENTRYPOINT ["/bin/x", "a b"]`, "ENV A=b"},
	})
	require.NoError(t, err)
	require.Equal(t, made.ID, again.ID, "the same is the same")
	require.Equal(t, Reference{}, again.Reference)
}

// Docker has more to say of an image than the standard.
func TestCommitKeepsWhatItDoesNotKnow(t *testing.T) {
	store := newStore(t)
	parent := imported(t, store, "x", map[string]string{"a": "1"})
	parent.raw = []byte(strings.Replace(string(parent.raw), `"config":{}`, `"container":"abc","os.features":["f"],"config":{"Healthcheck":{"Test":["CMD","x"]},"Cmd":["old"]}`, 1))

	made, err := store.Commit(parent, v1.ImageConfig{User: "1"}, writes(tarOf(t, nil)), MakeOptions{})

	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, json.Unmarshal(made.raw, &config))
	require.Equal(t, map[string]any{"User": "1", "Healthcheck": map[string]any{"Test": []any{"CMD", "x"}}}, config["config"])
	require.Equal(t, []any{"f"}, config["os.features"])
	require.NotContains(t, config, "container")
}

func TestCommitLeavesNothingIfItFails(t *testing.T) {
	store := newStore(t)
	parent := imported(t, store, "x", map[string]string{"a": "1"})
	before := blobsOf(t, store)

	_, err := store.Commit(parent, v1.ImageConfig{}, func(out io.Writer) error {
		_, err := out.Write([]byte("half"))
		return errors.Join(err, errors.New("the disk is full"))
	}, MakeOptions{Name: "y"})

	require.ErrorContains(t, err, "the disk is full")
	require.Equal(t, before, blobsOf(t, store))
	_, err = store.Find("y")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = store.Commit(parent, v1.ImageConfig{}, writes(nil), MakeOptions{Name: "../y"})
	require.ErrorContains(t, err, "invalid image name")
	_, err = store.Commit(parent, v1.ImageConfig{}, writes(nil), MakeOptions{Changes: []string{"RUN x"}})
	require.ErrorContains(t, err, "unknown instruction")
}

func TestImportIsStrict(t *testing.T) {
	store := newStore(t)
	whole := tarOf(t, map[string]string{"a": strings.Repeat("x", 5000)})
	for name, archive := range map[string][]byte{
		"nothing": nil, "no archive": []byte("root file system"), "cut in a file": whole[:2000], "cut before its end": whole[:len(whole)-1024],
		"cut in the middle of a block": whole[:len(whole)-100],
		"a name that climbs":           tarOf(t, map[string]string{"../x": "y"}),
	} {
		_, err := store.Import(bytes.NewReader(archive), MakeOptions{Name: "x"})
		require.Error(t, err, name)
		_, err = store.Find("x")
		require.ErrorIs(t, err, ErrNotFound, name)
	}
	image, err := store.Import(bytes.NewReader(whole), MakeOptions{Name: "x", Comment: "imported from -", Changes: []string{"CMD /bin/sh"}})
	require.NoError(t, err)
	require.Equal(t, []string{"/bin/sh", "-c", "/bin/sh"}, image.Config.Config.Cmd)
	folders, err := store.Unpack(image)
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(folders[0], "a"))
	require.NoError(t, err)
	require.Len(t, content, 5000)
}

func TestInspectKnowsAllNames(t *testing.T) {
	store := newStore(t)
	image := imported(t, store, "x", map[string]string{"a": "12345"})
	require.NoError(t, store.Tag("x", "y:2"))

	details, err := store.Inspect("y:2")

	require.NoError(t, err)
	require.Equal(t, []string{"x:latest", "y:2"}, details.RepoTags)
	require.Equal(t, image.ID.String(), details.ID)
	require.EqualValues(t, 5, details.Size)
	require.Equal(t, "linux", details.Os)
}
