package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"mytinydocker/internal/testbed"
)

// networkHost is a host that can have networks.
func networkHost(t *testing.T) *host {
	t.Helper()
	testbed.Require(t, testbed.NFTables)
	return newHost(t)
}

// serve starts a container whose server at port 80 has a page that says its name, and
// returns its id.
func (h *host) serve(name string, flags ...string) string {
	h.t.Helper()
	args := append([]string{"run", "-d", "--name", name}, flags...)
	started := h.tinydocker(append(args, "base", "sh", "-c", "mkdir /www; echo "+name+" > /www/page; exec httpd -p 80 -h /www")...)
	require.Zero(h.t, started.Code, started.Stderr)
	id := strings.TrimSpace(started.Stdout)
	h.t.Cleanup(func() { h.ok("rm", "-f", id) })
	h.awaitLog(name, "listening on")
	return id
}

func (h *host) awaitLog(name, text string) {
	h.t.Helper()
	testbed.Eventually(h.t, name+" to print "+text, func() bool {
		logs := h.tinydocker("logs", name)
		return strings.Contains(logs.Stdout+logs.Stderr, text)
	})
}

const fetch = "exec wget -q -T 5 -O - http://"

// fetch gets a page from within a container that has some flags.
func (h *host) fetch(where string, flags ...string) testbed.Result {
	h.t.Helper()
	args := append([]string{"run", "--rm", "--dns", "127.0.0.1"}, flags...) // where nobody is, so that is clear at once
	return h.tinydocker(append(args, "base", "sh", "-c", fetch+where)...)
}

// fetchFromHost gets a page with the built-in image's client, where the test is.
func fetchFromHost(h *host, where string) testbed.Result {
	h.t.Helper()
	return testbed.Run(h.t, testbed.Build(h.t, "mytinydocker/internal/base/box"), "wget", "-q", "-T", "5", "-O", "-", "http://"+where)
}

func TestContainerIsReachedAtItsPublishedPort(t *testing.T) {
	host := networkHost(t)
	outside := testbed.NewOutside(t)
	host.serve("web", "-p", "8080:80", "-p", "127.0.0.1::80")

	require.Equal(t, "web\n", fetchFromHost(host, "127.0.0.1:8080/page").Stdout)
	outside.Do(func() { require.Equal(t, "web\n", fetchFromHost(host, "192.0.2.1:8080/page").Stdout) })
	require.Equal(t, "web\n", host.fetch("192.0.2.1:8080/page").Stdout)
	require.Equal(t, "web\n", host.fetch("192.0.2.1:8080/page", "--network", "host").Stdout)
	require.Regexp(t, `^0\.0\.0\.0:8080\n127\.0\.0\.1:\d+$`, host.ok("port", "web", "80"))
	ports := host.ok("port", "web")
	require.Regexp(t, `^80/tcp -> 0\.0\.0\.0:8080\n80/tcp -> 127\.0\.0\.1:\d+$`, ports)
	own := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(ports)
	require.Equal(t, "web\n", fetchFromHost(host, own+"/page").Stdout)
	require.Equal(t, "0.0.0.0:8080->80/tcp, "+own+"->80/tcp", host.ok("ps", "--format", "{{.Ports}}"))
	require.Equal(t, "bridge", host.ok("ps", "--format", "{{.Networks}}"))
	require.Equal(t, "8080", host.ok("inspect", "-f", `{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}`, "web"))
	require.Contains(t, host.tinydocker("port", "web", "81").Stderr, "not published")

	taken := host.tinydocker("run", "--rm", "--name", "other", "-p", "8080:80", "base", "true")
	require.Equal(t, 125, taken.Code)
	require.Contains(t, taken.Stderr, "the container web has it")
	requireOneLine(t, taken.Stderr)
	require.Empty(t, host.ok("ps", "-aq", "--filter", "name=other"))

	host.ok("stop", "-t", "0", "web")
	require.NotZero(t, fetchFromHost(host, "127.0.0.1:8080/page").Code)
	require.Empty(t, host.ok("port", "web"))
	host.ok("start", "web")
	testbed.Eventually(t, "web to answer again", func() bool { return fetchFromHost(host, "127.0.0.1:8080/page").Stdout == "web\n" })
}

func TestContainersFindEachOtherByName(t *testing.T) {
	host := networkHost(t)
	host.ok("network", "create", "--subnet", "10.1.0.0/24", "blue")
	host.serve("web", "--network", "blue", "--network-alias", "www", "--ip", "10.1.0.77", "--mac-address", "02:00:5e:00:00:07")

	for _, name := range []string{"web", "www", "10.1.0.77"} {
		require.Equal(t, "web\n", host.fetch(name+"/page", "--network", "blue").Stdout, name)
	}
	require.NotZero(t, host.fetch("web/page").Code, "in another network")
	require.NotZero(t, host.fetch("10.1.0.77/page").Code, "in another network")
	client := host.ok("run", "-d", "--name", "client", "--dns", "127.0.0.1", "--network", "blue", "base", "sleep", "1000")
	defer host.ok("rm", "-f", "client")
	require.NotEmpty(t, client)
	host.ok("stop", "-t", "0", "web")
	require.NotZero(t, host.tinydocker("exec", "client", "sh", "-c", fetch+"web/page").Code)

	// Another address: the first one is free, and somebody takes it.
	host.ok("network", "disconnect", "blue", "web")
	host.ok("network", "connect", "--alias", "www", "blue", "web")
	host.ok("start", "web")

	for _, name := range []string{"web", "www"} {
		testbed.Eventually(t, name+" to answer again", func() bool {
			return host.tinydocker("exec", "client", "sh", "-c", fetch+name+"/page").Stdout == "web\n"
		})
	}
	require.NotContains(t, host.ok("exec", "client", "cat", "/etc/hosts"), "10.1.0.77")
	host.ok("rename", "web", "site")
	defer host.ok("rename", "site", "web")
	require.Equal(t, "web", host.ok("exec", "client", "sh", "-c", fetch+"site/page"))
}

func TestRunningContainerIsConnectedAndDisconnected(t *testing.T) {
	host := networkHost(t)
	host.ok("network", "create", "blue")
	host.serve("web")
	require.NotZero(t, host.fetch("web/page", "--network", "blue").Code)

	host.ok("network", "connect", "blue", "web")
	require.Equal(t, "web\n", host.fetch("web/page", "--network", "blue").Stdout)
	require.Contains(t, host.tinydocker("network", "connect", "blue", "web").Stderr, "already")
	require.Contains(t, host.tinydocker("network", "rm", "blue").Stderr, "in use by web")
	require.Contains(t, host.ok("network", "inspect", "blue"), `"Name": "web"`)

	host.ok("network", "disconnect", "blue", "web")
	require.NotZero(t, host.fetch("web/page", "--network", "blue").Code)
	require.Contains(t, host.tinydocker("network", "disconnect", "blue", "web").Stderr, "not in the network")
	host.ok("network", "disconnect", "-f", "blue", "web")
	require.Equal(t, "blue", host.ok("network", "rm", "blue"))
}

func TestContainerHasNoNetworkOrThatOfTheHost(t *testing.T) {
	host := networkHost(t)

	none := host.ok("run", "--rm", "--network", "none", "--hostname", "tiny", "base", "sh", "-c", "ip addr; cat /etc/hosts")
	require.NotContains(t, none, "eth0")
	require.Contains(t, none, "127.0.0.1\ttiny")
	testbed.NewOutside(t)
	require.Contains(t, host.ok("run", "--rm", "--network", "host", "base", "ip", "addr"), "192.0.2.1")
	for _, flags := range [][]string{
		{"--network", "none", "-p", "80:80"}, {"--network", "host", "-p", "80:80"}, {"--network", "none", "--network", "blue"},
		{"--network", "none", "--ip", "10.1.0.2"}, {"--network", "nosuch"}, {"--network", "container:nosuch"}, {"-p", "nosuch"},
		{"--dns", "nosuch"}, {"--add-host", "nosuch"}, {"--ip", "nosuch"}, {"--mac-address", "nosuch"},
	} {
		result := host.tinydocker(append(append([]string{"run", "--rm"}, flags...), "base", "true")...)
		require.Equal(t, 125, result.Code, flags)
		requireOneLine(t, result.Stderr)
		host.requireNothingLeft()
	}
}

func TestContainerHasTheNetworkOfAnother(t *testing.T) {
	host := networkHost(t)
	id := host.serve("web", "--network-alias", "www")
	flags := []string{"--network", "container:web"}

	require.Equal(t, "web\n", host.fetch("127.0.0.1/page", flags...).Stdout)
	require.Equal(t, "web\n", host.fetch("web/page", flags...).Stdout, "the names are those of the other")
	host.ok(append(append([]string{"run", "-d", "--name", "guest"}, flags...), "base", "sleep", "1000")...)
	t.Cleanup(func() { host.ok("rm", "-f", "guest") })
	require.Equal(t, "container:"+id, host.ok("inspect", "-f", "{{.HostConfig.NetworkMode}}", "guest"))
	require.Contains(t, host.tinydocker("network", "connect", "bridge", "guest").Stderr, "no network of its own")

	// The namespace stays, with who is in it; and nobody may have that address twice.
	host.ok("stop", "-t", "0", "web")
	require.NotContains(t, host.ok("exec", "guest", "ip", "addr"), "eth0")
	require.Contains(t, host.tinydocker(append(append([]string{"run", "--rm"}, flags...), "base", "true")...).Stderr, "does not run")
}

func TestContainerKnowsTheNamesThatTheUserSays(t *testing.T) {
	host := networkHost(t)

	output := host.ok("run", "--rm", "--dns", "192.0.2.53", "--dns-search", "example", "--dns-option", "ndots:2",
		"--add-host", "db:192.0.2.7", "--add-host", "outer:host-gateway", "base", "cat", "/etc/resolv.conf", "/etc/hosts")

	require.Contains(t, output, "nameserver 192.0.2.53\nsearch example\noptions ndots:2\n")
	require.Contains(t, output, "192.0.2.7\tdb\n")
	require.Regexp(t, `\n172\.\d+\.0\.1\touter\n`, output)
}

func TestNetworksAreListedAndRemoved(t *testing.T) {
	host := networkHost(t)
	id := host.ok("network", "create", "--subnet", "10.1.0.0/16", "--gateway", "10.1.9.9", "--ip-range", "10.1.2.0/24",
		"--label", "team=blue", "--internal", "blue")
	host.ok("network", "create", "red")

	require.Equal(t, "blue\nbridge\nhost\nnone\nred", host.ok("network", "ls", "--format", "{{.Name}}"))
	require.Equal(t, id+"", host.ok("network", "ls", "-q", "--no-trunc", "--filter", "label=team=blue"))
	require.Contains(t, host.ok("network", "ls"), "NETWORK ID")
	var found []struct {
		Name, ID string
		Internal bool
		IPAM     struct{ Config []map[string]string }
	}
	require.NoError(t, json.Unmarshal([]byte(host.ok("network", "inspect", "blue", "bridge")), &found))
	require.True(t, found[0].Internal)
	require.Equal(t, map[string]string{"Subnet": "10.1.0.0/16", "Gateway": "10.1.9.9", "IPRange": "10.1.2.0/24"}, found[0].IPAM.Config[0])
	require.Contains(t, host.tinydocker("network", "inspect", "nosuch").Stderr, "no such network: nosuch")
	require.Equal(t, "blue\nred", host.ok("network", "rm", "blue", "red"))
	for _, name := range []string{"bridge", "host", "none", "nosuch"} {
		result := host.tinydocker("network", "rm", name)
		require.Equal(t, 1, result.Code, name)
		requireOneLine(t, result.Stderr)
	}
	for _, args := range [][]string{
		{"create"}, {"create", "a", "b"}, {"create", "host"}, {"create", "--subnet", "x", "a"}, {"create", "--ipv6", "a"}, {"nosuch"}, {"create", "--nosuch"},
	} {
		result := host.tinydocker(append([]string{"network"}, args...)...)
		require.Equal(t, 1, result.Code, args)
		requireOneLine(t, result.Stderr)
	}
	host.ok("network", "create", "idle")
	host.ok("network", "create", "wanted")
	host.ok("create", "--name", "one", "--network", "wanted", "base", "true")
	require.Equal(t, "Deleted Networks:\nidle", host.ok("network", "prune", "-f"))
	host.ok("rm", "one")
}

// Nobody cleans up after a watcher that is killed.
func TestKilledWatcherLeavesNoPortAndNoAddress(t *testing.T) {
	host := networkHost(t)
	host.ok("network", "create", "--subnet", "10.1.0.0/30", "tiny")
	id := host.serve("web", "--network", "tiny", "-p", "8080:80")
	content, err := os.ReadFile(filepath.Join(host.run, "containers", id, "state.json"))
	require.NoError(t, err)
	var state struct{ Watcher struct{ Pid int } }
	require.NoError(t, json.Unmarshal(content, &state))
	watcher, err := os.FindProcess(state.Watcher.Pid)
	require.NoError(t, err)
	require.NoError(t, watcher.Kill())

	host.serve("again", "--network", "tiny", "-p", "8080:80")

	require.Equal(t, "again\n", fetchFromHost(host, "127.0.0.1:8080/page").Stdout)
	require.Equal(t, "10.1.0.2", host.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "again"))
}

func TestNetworkReloadRestoresTheBridge(t *testing.T) {
	host := networkHost(t)
	host.serve("web", "-p", "8080:80")
	name := host.ok("network", "inspect", "-f", `{{index .Options "com.docker.network.bridge.name"}}`, "bridge")
	bridge, err := netlink.LinkByName(name)
	require.NoError(t, err)
	require.NoError(t, netlink.LinkDel(bridge))
	require.NotZero(t, fetchFromHost(host, "127.0.0.1:8080/page").Code)

	host.ok("network", "reload")

	require.Equal(t, "web\n", fetchFromHost(host, "127.0.0.1:8080/page").Stdout)
	explained := host.tinydocker("--explain", "network", "reload")
	gateway := host.ok("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge")
	require.Contains(t, explained.Stderr, fmt.Sprintf("ip address replace %s/16 dev %s\n", gateway, name))
}
