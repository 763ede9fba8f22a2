package museum

import (
	"archive/tar"
	"bytes"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// CVE-2014-6407 and 9356, Docker, CVE-2025-47290, containerd, and others: an archive names
// files outside of where it is unpacked, or first makes a link and then writes through it.
//
// Here each entry is opened below its layer's folder by the kernel's rules for a root
// (final/storage).
func TestArchiveThatClimbsOut(t *testing.T) {
	outside := folder(t, "x")
	up := "../../../../../../../../../.."
	hard := func(name, target string) tar.Header {
		return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}
	}
	for name, entries := range map[string][]tar.Header{
		"dots":                {file("../../../planted", "x"), file("a/../../../../planted", "x")},
		"absolute":            {file(outside+"/planted", "x")},
		"through a link":      {link("d", outside), file("d/planted", "x")},
		"climbing link":       {link("d", up+outside), file("d/planted", "x")},
		"link to a file":      {link("f", outside+"/x"), file("f", "changed")},
		"folder over a link":  {link("d", outside), dir("d"), file("d/planted", "x")},
		"hard link":           {hard("h", outside+"/x"), file("h", "changed")},
		"hard link that dots": {hard("h", up+outside+"/x")},
		"hard link by a link": {link("l", outside+"/x"), hard("h", "l"), file("h", "changed")},
		"root is a link":      {link(".", outside), file("planted", "x")},
		"root is a link, too": {link("./", outside), file("./planted", "x")},
		"deleting":            {link("d", outside), file("d/.wh.x", "")},
		"deleting dots":       {file(".wh...", ""), file(".wh..", ""), file("a/.wh...", "")},
		"emptying":            {link("d", outside), file("d/.wh..wh..opq", "")},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			if imported := m.imports("hostile", archive(t, entries...)); imported.Code == 0 {
				m.runs(visitor{flags: "--network none", image: "hostile"}, "true")
				m.tinydocker("run", "--name", "made", "--network", "none", "hostile", "sh", "-c", "rm -rf /d /f /h; mkdir /d; echo x >/d/x")
				m.tinydocker("commit", "made", "again")
				m.tinydocker("run", "--rm", "--network", "none", "again", "true")
			}
			requireOnly(t, outside, "x")
		})
	}
}

// CVE-2021-29136, umoci; CVE-2021-32760, containerd; and what overlay itself would
// believe: attributes in which a layer says where a file really is.
func TestMetadataOfAnArchive(t *testing.T) {
	m := open(t)
	outside := folder(t, "x")
	attributes := dir("redirected")
	attributes.PAXRecords = map[string]string{
		"SCHILY.xattr.trusted.overlay.redirect": outside, "SCHILY.xattr.trusted.overlay.opaque": "y",
		"SCHILY.xattr.trusted.overlay.metacopy": "", "SCHILY.xattr.user.overlay.redirect": outside,
	}
	mode := tar.Header{Typeflag: tar.TypeLink, Name: "hard", Linkname: "../../../../../../../.." + outside + "/x", Mode: 0o4777}
	if m.imports("links", archive(t, mode)).Code == 0 {
		m.runs(visitor{flags: "--network none", image: "links"}, "chmod", "4777", "/hard")
	}
	v := m.image("attributes", []tar.Header{attributes})

	m.everywhere(v, "0\n", sh("ls /redirected | wc -l")...)

	require.Empty(t, m.attributesOfOverlay("redirected"), "overlay is told nothing by an archive")
	requireOnly(t, outside, "x")
	require.NotZero(t, m.imports("torn", archive(t)[:100_000]).Code, "half an archive is none")
}

// attributesOfOverlay are the names of those attributes of overlay that folders of a
// name have in the layers.
func (m *museum) attributesOfOverlay(name string) (found []string) {
	m.t.Helper()
	folders := 0
	require.NoError(m.t, filepath.WalkDir(filepath.Join(m.root, "layers"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Name() != name {
			return err
		}
		folders++
		names := make([]byte, 4096)
		length, err := unix.Llistxattr(path, names)
		for _, attribute := range strings.Split(string(names[:length]), "\x00") {
			if strings.Contains(attribute, "overlay") {
				found = append(found, attribute)
			}
		}
		return err
	}))
	require.NotZero(m.t, folders)
	return found
}

// Device nodes in an image are the host's devices, for whoever may open them: a disk, the
// memory.
//
// Here layers are unpacked without devices, root file systems and volumes are mounted
// nodev, MKNOD is not among the capabilities, and the devices cgroup knows what a container
// may use.
func TestDeviceInAnImage(t *testing.T) {
	m := open(t)
	device := func(name string, kind byte, major, minor int64) tar.Header {
		return tar.Header{Typeflag: kind, Name: name, Mode: 0o666, Devmajor: major, Devminor: minor}
	}
	result := m.imports("devices", archive(t, device("disk", tar.TypeBlock, 8, 0), device("memory", tar.TypeChar, 1, 1), device("kmsg", tar.TypeChar, 1, 11)))
	require.Zero(t, result.Code, result.Stderr)
	v := m.visit("")
	v.image = "devices"
	m.everywhere(v, "/disk ENOENT\n/memory ENOENT\n/kmsg ENOENT\n", "/probe", "read", "/disk", "/memory", "/kmsg")
	m.everywhere(v, "mknod-disk EPERM\nmknod-memory EPERM\n", "/probe", "try", "mknod-disk", "mknod-memory")

	// With the capability, the folder is still nodev, and a /dev of its own has its rules:
	// also for a device that there is not, which without them were ENXIO.
	v.flags += " --cap-add MKNOD"
	m.everywhere(v, "mknod-memory done\n/tmp/memory EACCES\n", sh("/probe try mknod-memory; /probe read /tmp/memory")...)
	m.everywhere(v, "/dev/memory EPERM\n/dev/none EPERM\n", sh("mknod /dev/memory c 1 1; mknod /dev/none c 1 99; /probe read /dev/memory /dev/none")...)
}

// lying is a registry that lies about what is in it.
func lying(t *testing.T, lie func(w http.ResponseWriter, r *http.Request, honest http.Handler) bool) (address string) {
	t.Helper()
	honest := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !lie(w, r, honest) {
			honest.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// falsified is other content of the same size, of which nothing but its digest tells: it
// is still packed, or still a document.
func falsified(content []byte) []byte {
	if bytes.HasPrefix(content, []byte("\x1f\x8b")) {
		content[9] ^= 1 // the system that has packed it (RFC 1952)
		return content
	}
	content = bytes.ReplaceAll(content, []byte("/bin"), []byte("/nib"))
	return bytes.ReplaceAll(content, []byte(`"schemaVersion"`), []byte(`"schemaversion"`))
}

// CVE-2014-8178 and 8179, Docker, CVE-2021-41190: a name of content is its digest, and
// whoever does not compute it believes the registry.
//
// Here a blob has a name only when its size and its digest are what was asked for.
func TestContentThatIsNotWhatItsDigestSays(t *testing.T) {
	m := open(t)
	var mutex sync.Mutex
	what := ""
	address := lying(t, func(w http.ResponseWriter, r *http.Request, honest http.Handler) bool {
		mutex.Lock()
		defer mutex.Unlock()
		if what == "" || r.Method != http.MethodGet || !strings.Contains(r.URL.Path, what) {
			return false
		}
		truth := httptest.NewRecorder()
		honest.ServeHTTP(truth, r)
		maps.Copy(w.Header(), truth.Header())
		_, err := w.Write(falsified(truth.Body.Bytes()))
		return err == nil
	})
	name := address + "/team/tool:1"
	m.ok("tag", "base", name)
	m.ok("push", name)
	digest := m.ok("images", "--digests", "--no-trunc", "--format", "{{.Digest}}", "--filter", "reference="+name)
	require.Contains(t, digest, "sha256:")
	m.ok("rmi", name)
	for _, lie := range []string{"/blobs/", "/manifests/sha256:"} {
		mutex.Lock()
		what = lie
		mutex.Unlock()
		m.refused("pull", address+"/team/tool@"+digest)
		if lie == "/blobs/" {
			fresh := &museum{t: t, root: m.root + "2", run: m.run + "2"} // which has no blob yet
			fresh.refused("pull", name)
			require.NotContains(t, fresh.ok("images", "-a"), "team/tool")
		}
	}
}

// CVE-2020-15157, containerd: a registry that sends us to another host for a blob gets the
// password sent there; the same for tokens.
//
// Here what is secret is for the host that it was given for, and goes nowhere unencrypted
// but to this machine itself.
func TestPasswordForAnotherHost(t *testing.T) {
	m := open(t)
	var mutex sync.Mutex
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		stolen = append(stolen, r.Header.Get("Authorization")+r.URL.RawQuery)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(thief.Close)
	asked := false
	address := lying(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		mutex.Lock()
		defer mutex.Unlock()
		if user, password, ok := r.BasicAuth(); ok && user == "me" && password == "secret" {
			asked = true
			http.Redirect(w, r, strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	config := folder(t)
	require.NoError(t, os.WriteFile(config+"/config.json", []byte(`{"auths":{"`+address+`":{"auth":"bWU6c2VjcmV0"}}}`), 0o600))
	command := m.command("pull", address+"/team/tool:1")
	command.Env = append(command.Env, "DOCKER_CONFIG="+config)

	require.NotZero(t, command.Run(t).Code)

	mutex.Lock()
	defer mutex.Unlock()
	require.True(t, asked, "the registry has got it")
	for _, authorization := range stolen {
		require.NotContains(t, authorization, "Basic")
	}
}

// CVE-2024-9676, podman, and CVE-2026-47262: to find a user, the files of the image are
// read on the host. /etc/passwd may be a link to /dev/zero, a pipe in which nothing ever
// comes, the host's own, or endless.
func TestUsersOfAnEndlessFile(t *testing.T) {
	fifo := tar.Header{Typeflag: tar.TypeFifo, Name: "etc/passwd", Mode: 0o644}
	const user = "daemon:x:1:1::/:\n" // who would be found
	huge := file("etc/passwd", strings.Repeat("x:x:0:0::/:\n", 2_000_000)+user)
	outside := folder(t)
	require.NoError(t, os.WriteFile(outside+"/passwd", []byte(user), 0o644))
	for name, entry := range map[string]tar.Header{
		"zero": link("etc/passwd", "/dev/zero"), "pipe": fifo, "the host's": link("etc/passwd", outside+"/passwd"),
		"huge": huge, "itself": link("etc/passwd", "passwd"), "folder": dir("etc/passwd"),
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			v := m.image("hostile", []tar.Header{entry})
			v.flags += " -u daemon"

			m.everyRun(v, []string{"id"}, func(t *testing.T, result testbed.Result) {
				require.Equal(t, 125, result.Code, result.Stdout)
			})
		})
	}
}

// CVE-2021-41091, Docker, and CVE-2021-41103, containerd: images hold programs with the
// setuid bit. If other users of the host can reach where they are unpacked, these are
// programs of the host.
//
// Here the roots of all state are 0700.
func TestStateThatOthersCanRead(t *testing.T) {
	m := open(t)
	require.NoError(t, os.Chmod(filepath.Dir(m.root), 0o755)) // where a test has its files is 0700
	m.keeps(m.visit("-v volume:/data"), sh("cp /probe /tmp/setuid; chmod 4755 /tmp/setuid; echo x >/data/x; echo ready; exec sleep 1000")...)

	for _, root := range []string{m.root, m.run} {
		result := testbed.Run(t, probePath(t), "readable", "65534", root)
		require.Equal(t, testbed.Result{Stdout: "readable done\n"}, result)
	}
	require.Contains(t, testbed.Run(t, probePath(t), "readable", "0", m.root).Stdout, "setuid", "root can")
}
