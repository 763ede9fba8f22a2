package main

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// createNetwork makes a network that is removed at the end of the test, and returns
// the state root that it is in.
func createNetwork(t *testing.T, root, name, subnet string) *Network {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.IPTables)
	require.NoError(t, CreateNetwork(root, name, "bridge", subnet))
	network, err := loadNetwork(root, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, RemoveNetwork(root, name)) })
	return network
}

func linkNames(t *testing.T) []string {
	t.Helper()
	links, err := netlink.LinkList()
	require.NoError(t, err)
	var names []string
	for _, link := range links {
		names = append(names, link.Attrs().Name)
	}
	return names
}

// rulesNow is what there is in the tables of iptables.
func rulesNow(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"filter", "nat", "raw"} {
		result := testbed.Run(t, "iptables", "-t", table, "-S")
		require.Zero(t, result.Code, result.Stderr)
		all.WriteString(result.Stdout)
	}
	return all.String()
}

func kernelSetting(t *testing.T, path string) string {
	t.Helper()
	return strings.TrimSpace(content(t, "/proc/sys/net/ipv4", path))
}

func TestNetworkIsABridge(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	root := testbed.StateRoot(t)
	links, rules := linkNames(t), rulesNow(t)
	require.NoError(t, write("/proc/sys/net/ipv4", "ip_forward", "0")) // a new namespace has what the machine has

	require.NoError(t, CreateNetwork(root, "blue", "bridge", "10.1.0.0/16"))

	network, err := loadNetwork(root, "blue")
	require.NoError(t, err)
	require.Regexp(t, `^br-[a-z2-7]{8}$`, network.Bridge)
	require.Equal(t, &Network{
		Name: "blue", Driver: "bridge", Subnet: netip.MustParsePrefix("10.1.0.0/16"),
		Gateway: netip.MustParseAddr("10.1.0.1"), Bridge: network.Bridge,
	}, network)
	bridge, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)
	require.Equal(t, "bridge", bridge.Type())
	require.NotZero(t, bridge.Attrs().Flags&net.FlagUp, "the bridge is down")
	addresses, err := netlink.AddrList(bridge, netlink.FAMILY_V4)
	require.NoError(t, err)
	require.Len(t, addresses, 1, "addresses of the bridge")
	require.Equal(t, "10.1.0.1/16", addresses[0].IPNet.String(), "the bridge's address")
	require.Equal(t, "1", kernelSetting(t, "ip_forward"), "net.ipv4.ip_forward")
	for path, mode := range map[string]os.FileMode{"": 0o700, "blue": 0o700, "blue/network.json": 0o600, "blue/addresses": 0o600} {
		info, err := os.Stat(filepath.Join(root, "networks", path))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}

	require.NoError(t, RemoveNetwork(root, "blue"))

	require.Equal(t, links, linkNames(t))
	require.Equal(t, rules, rulesNow(t))
	require.NoDirExists(t, filepath.Join(root, "networks/blue"))
	require.ErrorContains(t, RemoveNetwork(root, "blue"), "no such network")
}

func TestBadNetworkIsRefusedBeforeAnythingIsMade(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/16")
	createNetwork(t, root, "red", "10.2.1.0/24")
	testbed.NewOutside(t)
	links, rules := linkNames(t), rulesNow(t)
	for name, test := range map[string]struct{ name, driver, subnet, want string }{
		"no subnet":         {"green", "bridge", "", "--subnet"},
		"bad subnet":        {"green", "bridge", "10.3.0.0", "10.3.0.0"},
		"IPv6":              {"green", "bridge", "fd00::/64", "IPv4"},
		"address":           {"green", "bridge", "10.3.0.1/24", "10.3.0.0/24"},
		"too small":         {"green", "bridge", "10.3.0.0/31", "/30"},
		"unknown driver":    {"green", "overlay", "10.3.0.0/24", "overlay"},
		"no driver":         {"green", "", "10.3.0.0/24", "driver"},
		"no name":           {"", "bridge", "10.3.0.0/24", "name"},
		"dots":              {"..", "bridge", "10.3.0.0/24", "name"},
		"slash":             {"a/b", "bridge", "10.3.0.0/24", "name"},
		"long":              {strings.Repeat("a", 65), "bridge", "10.3.0.0/24", "name"},
		"taken name":        {"blue", "bridge", "10.3.0.0/24", "blue"},
		"same subnet":       {"green", "bridge", "10.1.0.0/16", "blue"},
		"part of another":   {"green", "bridge", "10.1.7.0/24", "blue"},
		"has another":       {"green", "bridge", "10.2.0.0/16", "red"},
		"route of the host": {"green", "bridge", "192.0.0.0/16", "192.0.2.0/24"},
		"part of a route":   {"green", "bridge", "192.0.2.64/26", "192.0.2.0/24"},
	} {
		err := CreateNetwork(root, test.name, test.driver, test.subnet)

		require.ErrorContains(t, err, test.want, name)
		require.NotContains(t, err.Error(), "\n", name)
		require.Equal(t, links, linkNames(t), name)
		require.Equal(t, rules, rulesNow(t), name)
		entries, err := os.ReadDir(filepath.Join(root, "networks"))
		require.NoError(t, err)
		require.Len(t, entries, 2, name)
	}
}

// A VPN routes everything by two routes that are half of the Internet each. They are
// no network that somebody is in.
func TestDefaultRouteIsNoNetwork(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	testbed.NewOutside(t)
	for _, destination := range []string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"} {
		_, network, err := net.ParseCIDR(destination)
		require.NoError(t, err)
		route := &netlink.Route{Dst: network, Gw: net.IPv4(192, 0, 2, 2)}
		require.NoError(t, netlink.RouteAdd(route))
		defer func() { require.NoError(t, netlink.RouteDel(route)) }()
	}

	createNetwork(t, testbed.StateRoot(t), "blue", "10.1.0.0/24")
}

// Ancestors of this program took a link that had the name they wanted, gave it an
// address, and removed it in the end: eth0, for one.
func TestLinkOfOthersIsNotAdopted(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	root := testbed.StateRoot(t)
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "theirs"}}))
	theirs, err := netlink.LinkByName("theirs")
	require.NoError(t, err)
	defer func() { require.NoError(t, netlink.LinkDel(theirs)) }()
	rules := rulesNow(t)
	network, err := newNetwork("blue", "bridge", "10.1.0.0/24")
	require.NoError(t, err)
	network.Bridge = "theirs"
	require.NoError(t, os.MkdirAll(networksFolder(root), 0o700))

	require.ErrorContains(t, network.create(root), "theirs")

	addresses, err := netlink.AddrList(theirs, netlink.FAMILY_V4)
	require.NoError(t, err)
	require.Empty(t, addresses)
	require.Contains(t, linkNames(t), "theirs")
	require.NoDirExists(t, filepath.Join(root, "networks/blue"))
	require.Equal(t, rules, rulesNow(t))
}

// The rules come last: nobody else knows how to take them back. A program that is not
// iptables stands in for one that fails.
func TestFailedCreationLeavesNothing(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	for name, test := range map[string]struct {
		plant func(t *testing.T)
		want  string
	}{
		"no rule":       {func(t *testing.T) { failAtRule(t, "-i br-.* -d 127.0.0.0/8") }, "planted failure"},
		"no forwarding": {func(t *testing.T) { failAtWriting(t, "/proc/sys/net/ipv4/ip_forward") }, "read-only file system"},
		"no iptables":   {func(t *testing.T) { t.Setenv("PATH", t.TempDir()) }, "iptables"},
	} {
		root := testbed.StateRoot(t)
		links, rules := linkNames(t), rulesNow(t)
		t.Run(name, func(t *testing.T) {
			test.plant(t)

			err := CreateNetwork(root, "blue", "bridge", "10.1.0.0/24")

			require.ErrorContains(t, err, test.want)
		})
		require.Equal(t, links, linkNames(t), "links, after %s", name)
		require.Empty(t, changes(rules, rulesNow(t)), "rules, after %s", name)
		require.NoDirExists(t, filepath.Join(root, "networks/blue"), name)
	}
}

// failAtWriting makes a file read-only for the rest of a test.
func failAtWriting(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, unix.Mount(path, path, "", unix.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(path, 0)) })
	require.NoError(t, unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
}

// failAtRule has iptables fail when it is to add a rule in which pattern is.
func failAtRule(t *testing.T, pattern string) {
	t.Helper()
	folder := t.TempDir()
	script := "#!/bin/sh\n" +
		`case "$*" in *" -C "*|*" -D "*) ;; *) echo "$*" | grep -q -e '` + pattern + `' && { echo "planted failure" >&2; exit 4; };; esac` +
		"\nPATH=${PATH#*:} exec iptables \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "iptables"), []byte(script), 0o755))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

func TestNetworksAreListedByName(t *testing.T) {
	root := t.TempDir()
	networks, err := listNetworks(root)
	require.NoError(t, err)
	require.Empty(t, networks)
	savedNetwork(t, root, "red", "10.2.0.0/16")
	savedNetwork(t, root, "blue", "10.1.0.0/16")
	savedNetwork(t, root, "whole", "10.3.0.0/16")
	for _, damage := range []string{"", "{}", "null", "{", `{"Name":"blue"}`, `{"Name":"red","Driver":"bridge","Subnet":"10.2.0.0/33"}`} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "networks/blue/network.json"), []byte(damage), 0o600))

		var listing strings.Builder
		require.NoError(t, ListNetworks(root, &listing))

		require.Equal(t, "NAME    DRIVER    SUBNET        GATEWAY\n"+
			"blue    Damaged                 \n"+
			"red     bridge    10.2.0.0/16   10.2.0.1\n"+
			"whole   bridge    10.3.0.0/16   10.3.0.1\n", listing.String())
		require.ErrorContains(t, RemoveNetwork(root, "blue"), "damaged")
		_, _, err := openNetwork(root, "blue")
		require.ErrorContains(t, err, "damaged")
	}
	network, unlock, err := openNetwork(root, "red")
	require.NoError(t, err)
	defer unlock()
	require.Equal(t, "10.2.0.0/16", network.Subnet.String())
}

func TestNetworkInUseStays(t *testing.T) {
	root := testbed.StateRoot(t)
	network := createNetwork(t, root, "blue", "10.1.0.0/24")
	links, rules := linkNames(t), rulesNow(t)
	take(t, root, network, "somebody")

	require.ErrorContains(t, RemoveNetwork(root, "blue"), "in use")

	require.Equal(t, links, linkNames(t))
	require.Equal(t, rules, rulesNow(t))
	require.NoError(t, giveBackAddress(root, network, "somebody"))
}

// A boot leaves the files and nothing of what the kernel had; and some firewalls
// throw away all rules when they are started.
func TestNetworkIsMadeAgainAfterABoot(t *testing.T) {
	root := testbed.StateRoot(t)
	network := createNetwork(t, root, "blue", "10.1.0.0/24")
	createNetwork(t, root, "red", "10.2.0.0/24")
	links, rules := linkNames(t), rulesNow(t)
	bridge, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)
	require.NoError(t, netlink.LinkDel(bridge))
	require.NoError(t, removeRules(networkRules(network)))
	require.NoError(t, write("/proc/sys/net/ipv4", "ip_forward", "0"))

	for range 2 {
		require.NoError(t, network.ensure())

		require.ElementsMatch(t, links, linkNames(t))
		require.ElementsMatch(t, strings.Split(rules, "\n"), strings.Split(rulesNow(t), "\n"))
		require.Equal(t, "1", kernelSetting(t, "ip_forward"), "net.ipv4.ip_forward")
		require.Equal(t, "1", kernelSetting(t, "conf/"+network.Bridge+"/route_localnet"), "net.ipv4.conf.%s.route_localnet", network.Bridge)
	}
}

// What is gone already is no reason to keep the rest.
func TestNetworkWithoutItsBridgeCanBeRemoved(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	root := testbed.StateRoot(t)
	rules := rulesNow(t)
	require.NoError(t, CreateNetwork(root, "blue", "bridge", "10.1.0.0/24"))
	network, err := loadNetwork(root, "blue")
	require.NoError(t, err)
	bridge, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)
	require.NoError(t, netlink.LinkDel(bridge))

	require.NoError(t, RemoveNetwork(root, "blue"))

	require.Equal(t, rules, rulesNow(t))
	require.NoDirExists(t, filepath.Join(root, "networks/blue"))
}
