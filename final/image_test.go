package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/require"
)

// described prints everything there is to say about the files of a container.
const described = `find /srv | sort | while read f; do stat -c '%n %F %a %u %g %h %s %Y' "$f"; done; cat /srv/new /srv/hard; readlink /srv/link`

func TestCommittedIsTheSame(t *testing.T) {
	host := newHost(t)
	host.ok("run", "--name", "work", "-e", "A=b", "base", "sh", "-c",
		`mkdir -p /srv/d && echo content > /srv/new && ln /srv/new /srv/hard && ln -s /host/secret /srv/link && chmod 4750 /srv/new &&
		chown 12:34 /srv/d && chmod 1777 /srv/d && rm /etc/passwd && touch /srv/d/old && touch /srv/d/.hidden`)
	require.Contains(t, host.ok("diff", "work"), "D /etc/passwd")

	id := host.ok("commit", "-m", "why", "-a", "me", "-c", `CMD ["sh", "-c", "echo $A"]`, "work", "mine:1")

	before := host.ok("run", "--rm", "mine:1", "sh", "-c", described)
	require.Contains(t, before, "content\ncontent")
	require.NotContains(t, host.ok("run", "--rm", "mine:1", "ls", "/etc"), "passwd")
	require.Equal(t, "b", host.ok("run", "--rm", "mine:1"), "what it was run with is the image's")
	archive := filepath.Join(t.TempDir(), "mine.tar")
	host.ok("save", "-o", archive, "mine:1")
	host.ok("rm", "work")
	require.Contains(t, host.ok("rmi", "mine:1"), "Deleted: "+id)

	require.Equal(t, "Loaded image: mine:1", host.ok("load", "-i", archive))

	require.Equal(t, before, host.ok("run", "--rm", "mine:1", "sh", "-c", described))
	require.Equal(t, id, host.ok("image", "inspect", "-f", "{{.ID}}", "mine:1"))
	require.Contains(t, host.ok("history", "mine:1"), "why")
}

// A layer goes on top; what is mounted, and made to be mounted on, is not in it.
func TestCommitHasNothingOfMounts(t *testing.T) {
	host := newHost(t)
	secret := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(secret, "secret"), []byte("x"), 0o600))
	host.ok("run", "--name", "work", "-v", secret+":/mnt/deep/point", "-v", "data:/data", "--tmpfs", "/scratch", "base", "sh", "-c",
		"echo x > /data/f; echo x > /scratch/f; echo x > /new; ln -s /mnt/deep/point /link")

	require.Equal(t, "A /link\nC /mnt\nA /new", host.ok("diff", "work"))
	host.ok("commit", "work", "mine")

	require.Equal(t, "ok", host.ok("run", "--rm", "mine", "sh", "-c", "! [ -e /mnt/deep/point/secret ] && ! [ -e /data/f ] && [ -e /new ] && [ -L /link ] && echo ok"))
	exported := host.command("export", "work").Run(t).Stdout
	require.NotContains(t, exported, "point/secret", "what is mounted is not exported")
	require.Contains(t, exported, "bin/sh")
}

func TestExportedIsImported(t *testing.T) {
	host := newHost(t)
	host.ok("run", "--name", "work", "base", "sh", "-c", "rm /etc/passwd; echo new > /new")
	archive := filepath.Join(t.TempDir(), "root.tar")
	host.ok("export", "-o", archive, "work")

	host.ok("import", "-c", `ENTRYPOINT ["cat"]`, archive, "flat")

	require.Equal(t, "new", host.ok("run", "--rm", "flat", "/new"))
	require.Equal(t, 1, host.tinydocker("run", "--rm", "flat", "/etc/passwd").Code)
	require.Equal(t, "1", host.ok("image", "inspect", "-f", "{{len .RootFS.Layers}}", "flat"))
}

// newRegistry starts a registry in the tests' own network namespace.
func newRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestRunPullsWhatIsMissing(t *testing.T) {
	host := newHost(t)
	name := newRegistry(t) + "/team/tool:1"
	host.ok("tag", "base", name)
	require.Contains(t, host.ok("push", name), "Digest: sha256:")
	host.ok("rmi", name)
	require.NotEqual(t, 0, host.tinydocker("run", "--rm", "--pull", "never", name, "true").Code)

	require.Equal(t, "hi", host.ok("run", "--rm", name, "echo", "hi"))

	require.Contains(t, host.ok("images", "--digests"), "team/tool")
	require.Equal(t, name, host.ok("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference="+name))
	require.Equal(t, name, host.ok("pull", "-q", name))
	failed := host.tinydocker("run", "--rm", strings.Replace(name, ":1", ":2", 1), "true")
	require.Equal(t, 125, failed.Code)
	requireOneLine(t, failed.Stderr)
	host.requireNothingLeft()
}

func TestImagesInUseStay(t *testing.T) {
	host := newHost(t)
	host.ok("run", "--name", "work", "base", "touch", "/x")
	host.ok("commit", "work", "mine")
	host.ok("create", "--name", "user", "mine", "ls", "/x")

	refused := host.tinydocker("rmi", "mine")
	require.Equal(t, 1, refused.Code)
	require.Contains(t, refused.Stderr, "in use by the container")
	host.ok("rmi", "-f", "mine")

	require.Equal(t, "/x", host.ok("start", "-a", "user"), "it keeps what it has")
	host.ok("rm", "user", "work")
	host.ok("image", "prune", "-f")
	layers, err := filepath.Glob(filepath.Join(host.root, "layers", host.driver, "sha256", "*"))
	require.NoError(t, err)
	require.Len(t, layers, 1, "that of the built-in image")
}

func TestArchivesAreNothingForATerminalAndNothingElseIsAnArchive(t *testing.T) {
	host := newHost(t)
	for _, args := range [][]string{{"load", "-i", "/etc/passwd"}, {"import", "/etc/passwd"}, {"load", "-i", "/nonexistent"}, {"save", "nosuch"},
		{"commit", "nosuch"}, {"export", "nosuch"}, {"tag", "base"}, {"rmi", "nosuch"}, {"history", "nosuch"}, {"push", "localhost:1/nosuch"},
		{"pull", "localhost:1/nosuch"}, {"pull", "../x"}, {"tag", "base", "UPPER"}, {"rmi", "base"}} {
		result := host.tinydocker(args...)
		require.NotEqual(t, 0, result.Code, args)
		requireOneLine(t, result.Stderr)
	}
}
