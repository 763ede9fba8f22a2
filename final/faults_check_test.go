package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/final/cgroup"
)

// strange is something that is not as it should be: how it comes to be so, and what
// check says of it.
type strange struct {
	plant func(t *testing.T, host *host)
	says  string
	stays bool // only its owner can decide what is to become of it
}

// requireFound plants each strange thing on a machine where all is well: it is named,
// with an exit status; it is mended, and then all is well again.
func requireFound(t *testing.T, machine *host, things map[string]strange) {
	t.Helper()
	machine.requireSound()
	for name, thing := range things {
		t.Run(name, func(t *testing.T) {
			host := machine.as(t)
			thing.plant(t, host)
			found := host.checked()
			require.Equal(t, 1, found.Code, found.Stderr)
			require.Regexp(t, thing.says, found.Stdout)
			if thing.stays {
				require.Equal(t, found, host.checked("--repair"))
				return
			}
			repaired := host.checked("--repair")
			require.Zero(t, repaired.Code, repaired.Stderr)
			require.Regexp(t, thing.says, repaired.Stdout)
			require.Equal(t, strings.Count(repaired.Stdout, "\n"), strings.Count(repaired.Stdout, ": repaired\n"))
			host.requireSound()
		})
	}
}

var noID = strings.Repeat("ab", 32)

func TestCheckFindsWhatIsWrongWithContainers(t *testing.T) {
	machine := soundHost(t)
	id := machine.ok("inspect", "-f", "{{.ID}}", "sound")
	requireFound(t, machine, map[string]strange{
		"mount in a container": {says: "tmpfs.* is mounted on .*/merged", plant: func(t *testing.T, host *host) {
			require.NoError(t, unix.Mount("none", filepath.Join(host.root, "containers", id, "merged"), "tmpfs", 0, ""))
		}},
		"mount on nothing": {says: "is mounted on .*/run/containers/x", plant: func(t *testing.T, host *host) {
			require.NoError(t, os.MkdirAll(host.run+"/containers/x", 0o700))
			require.NoError(t, unix.Mount("none", host.run+"/containers/x", "tmpfs", 0, ""))
		}},
		"folder of no container that runs": {says: "run/containers/other is no folder of a container", plant: func(t *testing.T, host *host) {
			write(t, host.run+"/containers/other/file", "")
		}},
		"cgroup of a container that does not run": {says: id[:12] + " has a cgroup", plant: func(t *testing.T, _ *host) {
			_, err := cgroup.Create("tinydocker/"+id, nil, nil)
			require.NoError(t, err)
		}},
		"cgroup of no container": {says: noID[:12] + " is left over", plant: func(t *testing.T, _ *host) { oldCgroup(t, "tinydocker/"+noID) }},
		"name of no container":   {says: `"ghost" is that of a container that there is no more`, plant: func(t *testing.T, host *host) { write(t, host.root+"/names/ghost", noID) }},
		"damaged name":           {says: `"ghost" is damaged`, plant: func(t *testing.T, host *host) { write(t, host.root+"/names/ghost", "x") }},
		"container without its name": {says: "does not have its name", plant: func(t *testing.T, host *host) {
			require.NoError(t, os.Remove(host.root+"/names/sound"))
		}},
		"container without a record": {says: "has no record", plant: func(t *testing.T, host *host) {
			require.NoError(t, os.MkdirAll(filepath.Join(host.root, "containers", noID, "upper"), 0o700))
		}},
	})
	requireFound(t, machine, map[string]strange{
		"something else": {stays: true, says: "containers/mine is no folder of a container", plant: func(t *testing.T, host *host) {
			write(t, host.root+"/containers/mine/precious", "")
		}},
	})
	require.FileExists(t, machine.root+"/containers/mine/precious")
}

// oldCgroup makes an empty cgroup as somebody has left it a while ago.
func oldCgroup(t *testing.T, name string) {
	t.Helper()
	_, err := cgroup.Create(name, nil, nil)
	require.NoError(t, err)
	err = filepath.WalkDir("/sys/fs/cgroup", func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "/"+name) {
			return os.Chtimes(path, time.Now(), time.Now().Add(-time.Hour))
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil // somebody else's cgroup has just gone
		}
		return err
	})
	require.NoError(t, err)
}

func TestCheckFindsContainersThatAreNotWhole(t *testing.T) {
	for name, thing := range map[string]strange{
		"layer": {says: "lacks the layer", stays: true, plant: func(t *testing.T, host *host) { require.NoError(t, os.RemoveAll(host.root+"/layers/overlay/sha256")) }},
		"upper": {says: "lacks its folder", stays: true, plant: func(t *testing.T, host *host) {
			found, err := filepath.Glob(host.root + "/containers/*/upper")
			require.NoError(t, err)
			require.NoError(t, os.RemoveAll(found[0]))
		}},
	} {
		machine := soundHost(t)
		requireFound(t, machine, map[string]strange{name: thing})
		require.NotEmpty(t, machine.refused(1, "start", "sound"))
		machine.ok("rm", "sound")
	}
}

func TestCheckFindsWhatIsWrongWithImages(t *testing.T) {
	machine, _ := imagesHost(t)
	content := "nobody refers to this"
	blobs := machine.root + "/images/blobs/sha256/"
	requireFound(t, machine, map[string]strange{
		"blob of no image":     {says: "1 blobs and 0 unpacked layers", plant: func(t *testing.T, _ *host) { write(t, blobs+digest.FromString(content).Encoded(), content) }},
		"half a blob":          {says: "1 blobs and 0 unpacked layers", plant: func(t *testing.T, host *host) { write(t, host.root+"/images/partial/123", content) }},
		"layer of no image":    {says: "0 blobs and 1 unpacked layers", plant: func(t *testing.T, host *host) { write(t, host.root+"/layers/overlay/sha256/"+noID+"/file", content) }},
		"layer that is a file": {says: "0 blobs and 1 unpacked layers", plant: func(t *testing.T, host *host) { write(t, host.root+"/layers/overlay/sha256/"+noID, content) }},
	})
}

// An image that has lost a blob gets it again.
func TestCheckMakesADamagedImageOneThatCanBePulledAgain(t *testing.T) {
	machine := soundHost(t)
	name := newRegistry(t) + "/team/tool:1"
	machine.ok("tag", "base", name)
	machine.ok("push", name)
	found, err := filepath.Glob(machine.root + "/images/blobs/sha256/*")
	require.NoError(t, err)
	for _, path := range found {
		whole := read(t, path)
		write(t, path, strings.Repeat("x", len(whole)))
		machine.requireChecked("blob sha256:" + filepath.Base(path) + " is damaged")
		require.Contains(t, machine.checked("--repair").Stdout, "is damaged: what is made of it has to be pulled or loaded again: repaired")
		require.NoFileExists(t, path)
		machine.requireChecked(name)

		machine.ok("pull", "-q", name)

		require.Equal(t, whole, read(t, path))
		machine.requireSound()
	}
}

func TestCheckFindsWhatIsWrongWithVolumes(t *testing.T) {
	machine := soundHost(t)
	machine.ok("volume", "create", "data")
	requireFound(t, machine, map[string]strange{
		"no record": {says: "volume data is damaged", plant: func(t *testing.T, host *host) { require.NoError(t, os.Remove(host.root+"/volumes/data/volume.json")) }},
		"no data":   {says: "volume data has no folder for its data", plant: func(t *testing.T, host *host) { require.NoError(t, os.Remove(host.root+"/volumes/data/_data")) }},
	})
	machine.ok("run", "--rm", "-v", "data:/d", "base", "touch", "/d/file")
	requireFound(t, machine, map[string]strange{
		"something else": {stays: true, says: "volumes/file is no volume", plant: func(t *testing.T, host *host) { write(t, host.root+"/volumes/file", "") }},
	})
}

func TestCheckFindsWhatIsWrongWithNetworks(t *testing.T) {
	machine := networkHost(t)
	machine.ok("network", "create", "--subnet", "10.1.0.0/24", "blue")
	id := machine.serve("web", "--network", "blue", "-p", "8080:80")
	bridge := machine.ok("network", "inspect", "-f", `{{index .Options "com.docker.network.bridge.name"}}`, "blue")
	network := machine.ok("network", "inspect", "-f", "{{.ID}}", "blue")
	ofNetwork := func(name string) string {
		found, err := filepath.Glob(machine.run + "/networks/*/" + network + "/" + name)
		require.NoError(t, err)
		require.Len(t, found, 1, name)
		return found[0]
	}
	requireFound(t, machine, map[string]strange{
		"no bridge":   {says: "bridge .* of the network blue is missing", plant: func(t *testing.T, _ *host) { changeLink(t, bridge, netlink.LinkDel) }},
		"bridge down": {says: "bridge .* of the network blue is down", plant: func(t *testing.T, _ *host) { changeLink(t, bridge, netlink.LinkSetDown) }},
		"bridge lost": {says: "bridge .* belongs to no network", plant: plantBridge},
		"no rules":    {says: "the rules of nftables are not those", plant: func(t *testing.T, _ *host) { flushRules(t) }},
		"state of no network": {says: noID + " is that of a network that there is no more", plant: func(t *testing.T, _ *host) {
			write(t, filepath.Join(filepath.Dir(filepath.Dir(ofNetwork("lock"))), noID, "lock"), "")
		}},
		"address of nobody": {says: "address 10.1.0.[0-9]+ of the network blue is held by nobody", plant: func(t *testing.T, host *host) {
			other := host.ok("run", "-d", "--network", "blue", "base", "sleep", "1000")
			path := ofNetwork("endpoints/" + other + ".json")
			require.NoError(t, os.Remove(path))
			host.ok("rm", "-f", other)
		}},
		"address lost": {says: "free, although the container " + id[:12] + " has it", plant: func(t *testing.T, _ *host) {
			path := ofNetwork("addresses")
			content := []byte(read(t, path))
			clear(content[24:32]) // which of the first 64 are taken
			content[16] &^= 1 << 2
			require.NoError(t, os.WriteFile(path, content, 0o600))
		}},
	})
	require.Equal(t, "web\n", fetchFromHost(machine, "127.0.0.1:8080/page").Stdout)
}

func changeLink(t *testing.T, name string, change func(netlink.Link) error) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	require.NoError(t, err)
	require.NoError(t, change(link))
}

// plantBridge leaves the bridge of a network whose record somebody has removed.
func plantBridge(t *testing.T, host *host) {
	t.Helper()
	host.ok("network", "create", "lost")
	require.NoError(t, os.Remove(host.root+"/networks/lost.json"))
}

// flushRules does what a firewall does that is started.
func flushRules(t *testing.T) {
	t.Helper()
	connection, err := nftables.New()
	require.NoError(t, err)
	connection.FlushRuleset()
	require.NoError(t, connection.Flush())
}
