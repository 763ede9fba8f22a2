package museum

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// CVE-2021-30465, CVE-2019-19921, CVE-2023-27561 and others of runc: a volume is to be
// mounted at /data, and in the image that is a link. Who joins the names on the host
// mounts on the host.
//
// Here everything but the root is mounted after pivot_root: the host is not there any
// more to be led to (final/runtime/mounts.go).
func TestMountOnALinkOfTheImage(t *testing.T) {
	m := open(t)
	outside := folder(t, "x")
	v := m.image("hostile", []tar.Header{
		link("data", "/"), link("up", "../../../../../../../.."+outside), link("straight", outside), dir("a"), link("a/etc", "/etc"),
	})
	before := mounts(t)
	for _, place := range []string{"/up/deep/er", "/straight", "/straight/deep", "/a/etc/x"} {
		// Where the link leads to nothing in the container, the mount is refused.
		v.flags = "--network none -v volume:" + place
		m.everyRun(v, sh("echo x >"+place+"/file && echo ran"), func(t *testing.T, result testbed.Result) {
			if result.Code != 0 {
				require.Equal(t, 125, result.Code, result.Stderr)
				require.Contains(t, result.Stderr, "mount "+place)
			}
		})
	}
	v.flags = "--network none -v volume:/a/etc/x"
	m.everywhere(v, "/etc/x\n", sh("cut -d' ' -f5 /proc/self/mountinfo | grep etc/x")...)
	v.flags = "--network none -v volume:/data"
	m.everyRun(v, sh("true"), func(*testing.T, testbed.Result) {}) // it may be refused, or be its own root
	requireOnly(t, outside, "x")
	require.Equal(t, before, mounts(t))
}

// mounts is what is mounted in the test's own mount namespace.
func mounts(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	return string(content)
}

// The same as a race: one container exchanges a folder and a link in a volume, again and
// again, while another is started that has a mount below that name (CVE-2021-30465).
func TestMountOnALinkThatComesAndGoes(t *testing.T) {
	m := open(t)
	outside := folder(t, "x")
	v := m.visit("-v shared:/shared")
	m.keeps(v, sh("mkdir /shared/place; ln -s "+outside+" /shared/other; echo ready; exec /probe swap /shared/place /shared/other")...)
	before := mounts(t)

	v.flags += " -v own:/shared/place/deep"
	for range 25 {
		m.runs(v, "true") // it works or it does not
	}

	requireOnly(t, outside, "x")
	require.Equal(t, before, mounts(t))
}

// CVE-2024-45310 of runc and others: before it can mount, a runtime makes folders and
// files: /etc/hosts, /dev/null, the working folder. By way of links in the image it makes
// them on the host.
//
// Here all of that happens after pivot_root, too, and devices are made below a folder that
// is held open (final/runtime/device.go).
func TestFilesThatAreMadeByWayOfALink(t *testing.T) {
	outside := folder(t, "ptmx", "hosts")
	for name, entries := range map[string][]tar.Header{
		"dev":            {link("dev", outside)},
		"etc":            {link("etc", outside)},
		"etc, climbing":  {link("etc", "../../../../../../.."+outside)},
		"hosts":          {link("etc/hosts", outside+"/hosts")},
		"resolv.conf":    {link("etc/resolv.conf", outside+"/new")},
		"pts":            {dir("dev"), link("dev/pts", outside)},
		"working folder": {link("w", outside)},
		"tmpfs":          {link("scratch", outside)},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			v := m.image("hostile", entries, "WORKDIR /w/sub")
			v.flags += " --tmpfs /scratch/deep"

			m.everyRun(v, []string{"true"}, func(*testing.T, testbed.Result) {})

			requireOnly(t, outside, "ptmx", "hosts")
		})
	}
}

// CVE-2025-31133 and CVE-2025-52565, runc: what hides a file is /dev/null, bind mounted
// from the container's own /dev. An image with another /dev/null decides what appears
// there: a link to /proc/sys/kernel/core_pattern, for one.
//
// Here /dev is always a tmpfs of ours, in which the nodes have just been made.
func TestMaskedByALinkOfTheImage(t *testing.T) {
	m := open(t)
	target := "/proc/sys/kernel/core_pattern"
	v := m.image("hostile", []tar.Header{dir("dev"), link("dev/null", target), link("dev/console", target), link("dev/ptmx", target)})

	const there = "for f in /dev/null /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do [ -e $f ] && /probe device $f; done"
	m.everyWay(v, sh(there), func(t *testing.T, result testbed.Result) {
		require.Regexp(t, `^(/[a-z_/]+ 2 1:3\n){3,}$`, result.Stdout)
	})
	v.flags += " -v own:/dev" // which would begin with the image's
	for _, v := range []visitor{v, m.visit("-v empty:/dev")} {
		m.everyRun(v, []string{"true"}, func(t *testing.T, result testbed.Result) { require.Equal(t, 125, result.Code) })
	}
}

// CVE-2025-52881, CVE-2019-16884, runc: security settings are files of /proc. A container
// that has something else mounted there makes the runtime write them into the void, or
// into another file.
//
// Here nothing can be mounted in /proc; a /proc that is none is an error.
func TestProcIsCovered(t *testing.T) {
	m := open(t)
	for _, flags := range []string{
		"-v fake:/proc", "-v fake:/proc/self", "-v fake:/proc/sys/kernel", "-v fake:/x/../proc/self", "--tmpfs /proc", "--tmpfs /proc/sys",
		"--mount type=tmpfs,dst=/proc/self/attr", "-v fake:/sys/../proc",
	} {
		m.everyRun(visitor{flags: "--network none " + flags}, []string{"true"}, func(t *testing.T, result testbed.Result) {
			require.Equal(t, 125, result.Code, "%s: %s", flags, result.Stdout)
		})
	}
	require.Equal(t, 125, m.runs(m.image("hostile", []tar.Header{dir("elsewhere"), link("proc", "/elsewhere")}), "true").Code)
}

// CVE-2018-15664, Docker, CVE-2019-10152, podman, and others: cp walks through the
// container's files on the host. While it does, the container makes a link of a folder.
//
// Here a path is opened in the container's root as the kernel itself does it for those
// inside (openat2(2), RESOLVE_IN_ROOT).
func TestCopyByWayOfALinkThatComesAndGoes(t *testing.T) {
	m := open(t)
	outside, here := folder(t, "secret"), folder(t, "file")
	name := m.keeps(m.visit(""), sh("mkdir -p /tmp/place; echo inside >/tmp/place/secret; ln -s "+outside+" /tmp/other; echo x >'/tmp/*'; "+
		"echo ready; exec /probe swap /tmp/place /tmp/other")...)

	for range 25 {
		m.tinydocker("cp", here+"/file", name+":/tmp/place/planted")
		m.tinydocker("cp", name+":/tmp/place/secret", here+"/stolen")
		if content, err := os.ReadFile(here + "/stolen"); err == nil {
			require.Equal(t, "inside\n", string(content))
			require.NoError(t, os.Remove(here+"/stolen"))
		}
	}
	m.ok("cp", name+":/tmp/*", here+"/star")

	requireOnly(t, outside, "secret")
}

// CVE-2022-23648, containerd, and CVE-2020-1726, podman: a volume begins with what the
// image has at its place; if that is a link to /etc, with the host's /etc.
//
// Here it is looked for in the layers, in which a link leads nowhere else
// (final/storage/view.go).
func TestVolumeThatBeginsWithTheHosts(t *testing.T) {
	m := open(t)
	outside := folder(t, "secret")
	v := m.image("hostile", []tar.Header{link("data", outside), link("climbs", "../../../../../../../.."+outside), dir(outside)},
		`VOLUME ["/data", "/climbs"]`)

	m.everywhere(v, "0\n", sh("ls /data/ /climbs/ "+outside+" | grep secret | wc -l")...)

	// What another container has left in a volume is not written through.
	m.ok("run", "--rm", "--network", "none", "-v", "used:/data", "base", "ln", "-s", outside+"/secret", "/data/secret")
	second := m.image("second", []tar.Header{dir("data"), file("data/secret", "of the image\n")})
	second.flags += " -v used:/data"
	m.everyRun(second, []string{"true"}, func(t *testing.T, result testbed.Result) { require.Zero(t, result.Code, result.Stderr) })
	requireOnly(t, outside, "secret")
}

// Who packs a container's files by following its links packs the host's (CVE-2023-0778 of
// podman was a race for that); and who packs what is mounted gives volumes away.
func TestImageOfTheHostsFiles(t *testing.T) {
	m := open(t)
	outside := folder(t, "secret")
	v := m.visit("-v volume:/data -v " + outside + ":/host")
	name := m.keeps(v, sh("ln -s "+outside+"/secret /leak; ln -s "+outside+" /folder; echo private >/data/private; echo ready; exec sleep 1000")...)

	m.ok("commit", name, "copy")

	exported := m.command("export", name).Run(t).Stdout
	saved := m.command("save", "copy").Run(t).Stdout
	for _, packed := range []string{exported, saved} {
		require.NotContains(t, packed, "of the host\n")
		require.NotContains(t, packed, "private\n")
	}
	require.Equal(t, outside+"/secret", m.ok("run", "--rm", "--network", "none", "copy", "readlink", "/leak"))
}

// Names that become parts of paths, and of other languages: CVE-2024-3727 (digests),
// CVE-2014-9358 (ids of images).
//
// Here names have few characters, and the first one is a letter or a digit.
func TestNamesThatArePaths(t *testing.T) {
	m := open(t)
	outside := folder(t, "x")
	for _, name := range []string{
		"a b", "a:b", "../x", "..", ".", "", "/abs", outside, "a/b", "a,b", "-rf", "x\n", "$(id)", "%d", strings.Repeat("x", 300), "a/../../b", "x\x7f",
	} {
		m.refused("run", "--rm", "--name="+name, "--network", "none", "base", "true")
		m.refused("rm", "-f", "--", name)
		m.refused("volume", "rm", "--", name)
		m.refused("network", "rm", "--", name)
		m.refused("volume", "create", "--", name+"/..")
		m.refused("network", "create", "--", name+"/..")
		if name != "" { // a volume without a name gets one
			m.refused("volume", "create", "--", name)
		}
		m.refused("network", "create", "--", name)
		m.refused("tag", "base", "../"+name)
		m.refused("rename", "--", "base", name)
	}
	for _, reference := range []string{"base@sha256:../../x", "base@sha256:abc", "base@SHA256:" + strings.Repeat("A", 64), "base:../x", "../base", "sha256:../../etc"} {
		m.refused("run", "--rm", "--pull", "never", reference, "true")
		m.refused("rmi", reference)
		m.refused("inspect", reference)
	}
	requireOnly(t, outside, "x")
	require.DirExists(t, filepath.Join(m.root, ".."))
}
