package image

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tool runs another tool that knows OCI images, if there is one.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("requires %s: it is not there (apt install %s)", name, name)
	}
	output, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, output)
}

// What umoci has built is loaded, committed and saved, and umoci takes it back.
func TestImagesOfUmociComeAndGo(t *testing.T) {
	store, work := newStore(t), t.TempDir()
	layout, bundle := filepath.Join(work, "layout"), filepath.Join(work, "bundle")
	tool(t, "umoci", "init", "--layout", layout)
	tool(t, "umoci", "new", "--image", layout+":latest")
	tool(t, "umoci", "unpack", "--image", layout+":latest", bundle)
	require.NoError(t, os.MkdirAll(filepath.Join(bundle, "rootfs/etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bundle, "rootfs/etc/a"), []byte("umoci"), 0o640))
	require.NoError(t, os.WriteFile(filepath.Join(bundle, "rootfs/gone"), nil, 0o644))
	tool(t, "umoci", "repack", "--image", layout+":latest", bundle)
	tool(t, "umoci", "config", "--image", layout+":latest", "--config.cmd", "/bin/x")
	packed, err := exec.Command("tar", "-C", layout, "-cf", "-", ".").Output()
	require.NoError(t, err)

	images, err := store.Load(context.Background(), bytes.NewReader(packed), nil)

	require.NoError(t, err)
	require.Equal(t, []string{"/bin/x"}, images[0].Config.Config.Cmd)
	made, err := store.Commit(images[0], images[0].Config.Config, writes(tarOf(t, map[string]string{".wh.gone": "", "etc/b": "ours"})), MakeOptions{Name: "ours:1"})
	require.NoError(t, err)
	require.Len(t, made.Layers(), 2)
	var archive bytes.Buffer
	require.NoError(t, store.Save([]string{"ours:1"}, &archive, true))
	back := filepath.Join(work, "back")
	extract(t, &archive, back)
	tool(t, "umoci", "unpack", "--image", back+":ours:1", filepath.Join(work, "second"))
	for name, want := range map[string]string{"etc/a": "umoci", "etc/b": "ours"} {
		content, err := os.ReadFile(filepath.Join(work, "second/rootfs", name))
		require.NoError(t, err)
		require.Equal(t, want, string(content))
	}
	require.NoFileExists(t, filepath.Join(work, "second/rootfs/gone"))
}

func extract(t *testing.T, archive io.Reader, folder string) {
	t.Helper()
	require.NoError(t, os.Mkdir(folder, 0o755))
	command := exec.Command("tar", "-C", folder, "-xf", "-")
	command.Stdin = archive
	require.NoError(t, command.Run())
}

// Both forms of archives are those of others, in both directions.
func TestArchivesOfSkopeoComeAndGo(t *testing.T) {
	store, work := newStore(t), t.TempDir()
	image := imported(t, store, "ours:1", map[string]string{"a": "1"})
	save := func(name string, ociOnly bool) string {
		path := filepath.Join(work, name)
		require.NoError(t, os.WriteFile(path, saved(t, store, ociOnly, "ours:1"), 0o600))
		return path
	}
	for _, copied := range [][2]string{
		{"docker-archive:" + save("docker.tar", false), "oci-archive:" + filepath.Join(work, "1.tar") + ":theirs:1"},
		{"oci-archive:" + save("oci.tar", true) + ":ours:1", "docker-archive:" + filepath.Join(work, "2.tar") + ":theirs:2"},
		{"oci:" + store.root + ":ours:1", "oci-archive:" + filepath.Join(work, "3.tar") + ":theirs:3"},
	} {
		tool(t, "skopeo", "--insecure-policy", "copy", copied[0], copied[1])
	}
	for name, archive := range map[string]string{"theirs:1": "1.tar", "theirs:2": "2.tar", "theirs:3": "3.tar"} {
		content, err := os.ReadFile(filepath.Join(work, archive))
		require.NoError(t, err)
		other := newStore(t)
		images, err := loadFrom(other, content)
		require.NoError(t, err, archive)
		require.Equal(t, name, images[0].Reference.String())
		require.Equal(t, image.Layers(), images[0].Layers())
	}
}
