package network

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"mytinydocker/internal/testbed"
)

func TestNetworkIsABridge(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		links := linksNow(t)

		network, err := w.Create(Config{Name: "blue", Subnet: prefix("10.1.0.0/16"), Gateway: address("10.1.9.9"), Range: prefix("10.1.2.0/24")})

		require.NoError(t, err)
		require.Regexp(t, `^td-[a-z2-7]{10}$`, network.Bridge)
		loaded, err := w.load("blue")
		require.NoError(t, err)
		require.Equal(t, network, loaded)
		bridge, err := netlink.LinkByName(network.Bridge)
		require.NoError(t, err)
		require.Equal(t, "bridge", bridge.Type())
		require.Equal(t, network.HardwareAddr, bridge.Attrs().HardwareAddr.String())
		require.NotZero(t, bridge.Attrs().Flags&net.FlagUp)
		addresses, err := netlink.AddrList(bridge, netlink.FAMILY_ALL)
		require.NoError(t, err)
		require.Len(t, addresses, 1, "and none of IPv6")
		require.Equal(t, "10.1.9.9/16", addresses[0].IPNet.String())
		require.Equal(t, "10.1.2.0", w.join("one", nil, "blue").address())

		require.NoError(t, w.Detach(w.join("other", nil, "blue").ID, true))
		require.ErrorContains(t, w.Remove("blue"), "in use by one: ")
		require.NoError(t, w.Detach(w.only("blue").ContainerID, true))
		require.NoError(t, w.Remove("blue"))

		require.Equal(t, links, linksNow(t))
		require.ErrorIs(t, w.Remove("blue"), ErrNotFound)
		requireNoFiles(t, w.root, w.run)
	})
}

// only returns who is in a network, if it is one.
func (w *world) only(name string) *Endpoint {
	w.t.Helper()
	details, err := w.Inspect(name)
	require.NoError(w.t, err)
	require.Len(w.t, details.Containers, 1)
	return details.Containers[0]
}

// requireNoFiles allows for locks, and for what is known of the rules.
func requireNoFiles(t *testing.T, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, entry := range entries {
			require.Contains(t, []string{".lock", "rules", "names"}, entry.Name())
		}
	}
}

func TestBadNetworkIsRefusedBeforeAnythingIsMade(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/16")
	w.create("red", "10.2.1.0/24")
	testbed.NewOutside(t)
	links := linksNow(t)
	good := prefix("10.3.0.0/24")
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"IPv6":              {Config{Name: "green", Subnet: prefix("fd00::/64")}, "IPv4"},
		"IPv6 too":          {Config{Name: "green", Subnet: good, IPv6: true}, "--ipv6"},
		"address":           {Config{Name: "green", Subnet: prefix("10.3.0.1/24")}, "10.3.0.0/24"},
		"too small":         {Config{Name: "green", Subnet: prefix("10.3.0.0/31")}, "/30"},
		"too large":         {Config{Name: "green", Subnet: prefix("32.0.0.0/7")}, "/8"},
		"loopback":          {Config{Name: "green", Subnet: prefix("127.1.0.0/24")}, "no host"},
		"multicast":         {Config{Name: "green", Subnet: prefix("224.1.0.0/24")}, "no host"},
		"unknown driver":    {Config{Name: "green", Subnet: good, Driver: "overlay"}, "overlay"},
		"no name":           {Config{Subnet: good}, "name"},
		"dots":              {Config{Name: "..", Subnet: good}, "name"},
		"slash":             {Config{Name: "a/b", Subnet: good}, "name"},
		"option":            {Config{Name: "-j", Subnet: good}, "name"},
		"shell":             {Config{Name: "x;y", Subnet: good}, "name"},
		"space":             {Config{Name: "a b", Subnet: good}, "name"},
		"format":            {Config{Name: "%d", Subnet: good}, "name"},
		"line":              {Config{Name: "a\nb", Subnet: good}, "name"},
		"long":              {Config{Name: strings.Repeat("a", 65), Subnet: good}, "name"},
		"host":              {Config{Name: "host", Subnet: good}, "meaning of its own"},
		"none":              {Config{Name: "none", Subnet: good}, "meaning of its own"},
		"bridge":            {Config{Name: "bridge", Subnet: good}, "meaning of its own"},
		"taken name":        {Config{Name: "blue", Subnet: good}, "taken"},
		"same subnet":       {Config{Name: "green", Subnet: prefix("10.1.0.0/16")}, "blue"},
		"part of another":   {Config{Name: "green", Subnet: prefix("10.1.7.0/24")}, "blue"},
		"has another":       {Config{Name: "green", Subnet: prefix("10.2.0.0/16")}, "red"},
		"route of the host": {Config{Name: "green", Subnet: prefix("192.0.0.0/16")}, "192.0.2."},
		"part of a route":   {Config{Name: "green", Subnet: prefix("192.0.2.64/26")}, "192.0.2.0/24"},
		"gateway outside":   {Config{Name: "green", Subnet: good, Gateway: address("10.4.0.1")}, "not in the subnet"},
		"gateway first":     {Config{Name: "green", Subnet: good, Gateway: address("10.3.0.0")}, "whole subnet"},
		"gateway last":      {Config{Name: "green", Subnet: good, Gateway: address("10.3.0.255")}, "whole subnet"},
		"range outside":     {Config{Name: "green", Subnet: good, Range: prefix("10.4.0.0/25")}, "no part"},
		"range too large":   {Config{Name: "green", Subnet: good, Range: prefix("10.3.0.0/23")}, "no part"},
		"range an address":  {Config{Name: "green", Subnet: good, Range: prefix("10.3.0.1/25")}, "no part"},
		"gateway alone":     {Config{Name: "green", Gateway: address("203.0.113.1")}, "not in the subnet"},
	} {
		_, err := w.Create(test.config)

		require.ErrorContains(t, err, test.want, name)
		require.NotContains(t, err.Error(), "\n", name)
		require.Equal(t, links, linksNow(t), name)
		names, err := w.names()
		require.NoError(t, err)
		require.Equal(t, []string{"blue", "red"}, names, name)
	}
}

// A VPN routes everything by two routes that are half of the Internet each. They are no
// network that somebody is in.
func TestDefaultRouteIsNoNetwork(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	testbed.NewOutside(t)
	for _, destination := range []string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"} {
		_, network, err := net.ParseCIDR(destination)
		require.NoError(t, err)
		route := &netlink.Route{Dst: network, Gw: net.IPv4(192, 0, 2, 2)}
		require.NoError(t, netlink.RouteAdd(route))
		defer func() { require.NoError(t, netlink.RouteDel(route)) }()
	}

	w.create("blue", "10.1.0.0/24")
}

// The default network is there at its first use, where the host has no route to.
func TestDefaultNetworkKeepsClearOfRoutes(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	testbed.NewOutside(t)
	taken := &netlink.Route{Dst: ipNet(prefix("172.17.3.0/24")), Gw: net.IPv4(192, 0, 2, 2), Table: 77}
	require.NoError(t, netlink.RouteAdd(taken))
	defer func() { require.NoError(t, netlink.RouteDel(taken)) }()
	before, err := w.List()
	require.NoError(t, err)
	require.Equal(t, []Network{{Name: "bridge", Driver: "bridge"}, {Name: "host", Driver: "host"}, {Name: "none", Driver: "null"}}, before)

	one := w.join("one", nil, Default)

	require.Equal(t, "172.18.0.2", one.address())
	list, err := w.List()
	require.NoError(t, err)
	require.Equal(t, "td-bridge", list[0].Bridge)
	require.ErrorContains(t, w.Remove("bridge"), "always there")
	require.ErrorContains(t, w.Remove("none"), "always there")
	other, err := w.Create(Config{Name: "other"})
	require.NoError(t, err)
	require.Equal(t, "172.19.0.0/16", other.Subnet.String())
}

func TestNobodyFindsAFreeSubnetWhereNoneIs(t *testing.T) {
	_, err := chooseSubnet([]taken{{prefix("172.0.0.0/8"), ""}, {prefix("192.168.0.0/16"), ""}, {prefix("10.0.0.0/8"), ""}})
	require.ErrorContains(t, err, "--subnet")
	chosen, err := chooseSubnet([]taken{{prefix("172.0.0.0/8"), ""}, {prefix("192.168.0.0/17"), ""}})
	require.NoError(t, err)
	require.Equal(t, "192.168.128.0/20", chosen.String())
}

// Ancestors of this program took a link that had the name they wanted, gave it an
// address, and removed it in the end: eth0, for one.
func TestLinkOfOthersIsNotAdopted(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	network := w.create("blue", "10.1.0.0/24")
	bridge, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)
	require.NoError(t, netlink.LinkDel(bridge))
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: network.Bridge}}))
	theirs, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)

	_, err = w.Attach(w.newGuest("one").Sandbox, []EndpointConfig{{Network: "blue"}}, nil)
	require.ErrorContains(t, err, "somebody else's")
	require.ErrorContains(t, w.Reload(), "somebody else's")
	require.NoError(t, w.Remove("blue"))

	addresses, err := netlink.AddrList(theirs, netlink.FAMILY_V4)
	require.NoError(t, err)
	require.Empty(t, addresses)
	require.Contains(t, linksNow(t), network.Bridge)
	require.NoError(t, netlink.LinkDel(theirs))
}

func TestNameOfTheDefaultBridgeMayBeTaken(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "td-bridge"}}))
	theirs, err := netlink.LinkByName("td-bridge")
	require.NoError(t, err)
	defer func() { require.NoError(t, netlink.LinkDel(theirs)) }()

	w.join("one", nil, Default)

	network, err := w.load(Default)
	require.NoError(t, err)
	require.Regexp(t, `^td-[a-z2-7]{10}$`, network.Bridge)
}

// The rules come last. A program that is not iptables-restore stands in for one that
// fails.
func TestFailedCreationLeavesNothing(t *testing.T) {
	w := newWorld(t, iptablesBackend)
	links := linksNow(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "iptables-restore"), []byte(
		"#!/bin/sh\nif [ -e "+folder+"/failed ]; then exec "+realProgram(t, "iptables-restore")+" \"$@\"; fi\n"+
			"touch "+folder+"/failed; cat > /dev/null; echo 'planted\nfailure' >&2; exit 4\n"), 0o755))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))

	for range 3 {
		_, err := w.Create(Config{Name: "blue", Subnet: prefix("10.1.0.0/24")})
		if err == nil {
			break // it has been done again, since others may have come between
		}
		require.ErrorContains(t, err, "planted failure")
	}
	require.NoError(t, w.Remove("blue"))

	require.Equal(t, links, linksNow(t))
	requireNoFiles(t, w.root, w.run)
}

func realProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	return path
}

func TestNoBackendIsAnError(t *testing.T) {
	w := newWorld(t, iptablesBackend)
	links := linksNow(t)
	folder := t.TempDir()
	for _, name := range []string{"iptables-save", "iptables-restore"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\ncat > /dev/null; echo no >&2; exit 3\n"), 0o755))
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", folder+":"+path)

	_, err := w.Create(Config{Name: "blue", Subnet: prefix("10.1.0.0/24")})

	require.ErrorContains(t, err, "iptables-save: exit status 3: no")
	require.Equal(t, links, linksNow(t))
	t.Setenv("PATH", path)
	requireNoFiles(t, w.root)
}

func TestDamagedRecordAffectsOnlyItself(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("red", "10.2.0.0/16")
	blue := w.create("blue", "10.1.0.0/16")
	whole, err := os.ReadFile(w.recordPath("blue"))
	require.NoError(t, err)
	for _, damage := range []string{
		"", "{}", "null", "{", `{"name":"blue"}`, strings.Replace(string(whole), `"blue"`, `"other"`, 1),
		strings.Replace(string(whole), "10.1.0.0/16", "10.1.0.0/33", 1), strings.Replace(string(whole), "10.1.0.1", "10.9.0.1", 1),
		strings.Replace(string(whole), blue.Bridge, "eth0", 1), strings.Replace(string(whole), blue.Bridge, "td-../../x", 1),
	} {
		require.NoError(t, os.WriteFile(w.recordPath("blue"), []byte(damage), 0o600))

		list, err := w.List()
		require.NoError(t, err)
		require.Equal(t, Network{Name: "blue", Driver: "damaged"}, list[0], damage)
		require.Equal(t, "red", list[4].Name)
		_, err = w.Inspect("blue")
		require.ErrorIs(t, err, ErrDamaged)
		require.NoError(t, w.Detach(w.join("one", nil, "red").ID, true))
	}
	require.NoError(t, w.Remove("blue"), "whoever names it means it")
	require.NoFileExists(t, w.recordPath("blue"))
	faults, err := w.Check()
	require.NoError(t, err)
	require.NotEmpty(t, faults, "its bridge is still there")
	for _, fault := range faults {
		require.NoError(t, fault.Repair(), fault.What)
	}
	require.NoError(t, os.WriteFile(w.recordPath("blue"), whole, 0o600))
}

func TestNetworkIsFoundByTheBeginningOfItsID(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	blue := w.create("blue", "10.1.0.0/24")
	w.create("red", "10.2.0.0/24")

	details, err := w.Inspect(blue.ID[:12])
	require.NoError(t, err)
	require.Equal(t, "blue", details.Name)
	_, err = w.Inspect("")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = w.Inspect("../red")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, w.Remove(blue.ID))
}

func TestPruneKeepsWhatIsUsed(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	for index, name := range []string{"alive", "dead", "wanted", "idle"} {
		w.create(name, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(index + 1), 0, 0}), 24).String())
	}
	w.join("one", nil, "alive")
	w.join("any", nil, Default)
	w.kill(w.join("other", nil, "dead"))

	removed, err := w.Prune(func(name string) bool { return name == "wanted" })

	require.NoError(t, err)
	require.Equal(t, []string{"dead", "idle"}, removed)
	names, err := w.names()
	require.NoError(t, err)
	require.Equal(t, []string{"alive", "bridge", "wanted"}, names)
}

// Of many who want a name, or a subnet, one gets it.
func TestNetworksAreMadeOneByOne(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	var group sync.WaitGroup
	results := make(chan error, 20)
	for index := range testbed.Few(20) {
		group.Go(func() {
			config := Config{Name: "same"}
			if index%2 == 0 {
				config = Config{Name: "n" + string(rune('a'+index)), Subnet: prefix("10.1.0.0/24")}
			}
			_, err := w.Create(config)
			results <- err
		})
	}
	group.Wait()
	close(results)

	made := 0
	for err := range results {
		if err == nil {
			made++
		}
	}
	require.Equal(t, 2, made)
	names, err := w.names()
	require.NoError(t, err)
	require.Len(t, names, 2)
}

func TestWhatAKilledCommandHasLeftOfANetworkGoes(t *testing.T) {
	for name, next := range map[string]func(*world) error{
		"create": func(w *world) error { return w.Remove(w.create("red", "10.2.0.0/16").Name) },
		"prune":  func(w *world) error { _, err := w.Prune(nil); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nftablesBackend)
			kept := w.create("blue", "10.1.0.0/16")
			folder := w.folder(&Network{ID: randomHex(32)}, "")
			require.NoError(t, os.Mkdir(folder, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600))
			half := filepath.Join(w.root, "red.json.new")
			require.NoError(t, os.WriteFile(half, []byte("{"), 0o600))

			require.NoError(t, next(w))

			require.NoDirExists(t, folder)
			require.NoFileExists(t, half)
			if name == "create" {
				require.DirExists(t, w.folder(kept, ""))
			}
		})
	}
}

// Nobody knows which state is that of a network whose record is damaged.
func TestStateOfADamagedNetworkStays(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	damaged := w.create("blue", "10.1.0.0/16")
	content, err := os.ReadFile(w.recordPath("blue"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.recordPath("blue"), []byte("{"), 0o600))

	_, err = w.Prune(nil)

	require.NoError(t, err)
	require.DirExists(t, w.folder(damaged, ""))
	require.NoError(t, os.WriteFile(w.recordPath("blue"), content, 0o600))
}

// Whoever makes an endpoint may be killed when it has an address and no record.
func TestAddressOfAnEndpointThatWasNotMadeIsFreed(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	blue := w.create("blue", "10.1.0.0/24")
	guest := w.newGuest("killed")
	half := w.endpointPath(blue, guest.ID) + ".new"
	require.NoError(t, os.MkdirAll(filepath.Dir(half), 0o700))
	require.NoError(t, os.WriteFile(half, nil, 0o600))
	given, err := w.takeAddress(blue, netip.Addr{}, guest.ID)
	require.NoError(t, err)

	require.NoError(t, w.Detach(guest.ID, false))

	faults, err := w.Check()
	require.NoError(t, err)
	require.Empty(t, faults)
	w.attach(w.newGuest("next"), nil, EndpointConfig{Network: "blue", IP: given})
}

func TestEndpointThatCannotHaveItsAddressLeavesNothing(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	blue := w.create("blue", "10.1.0.0/24")
	one, other := w.join("one", nil, "blue"), w.newGuest("other")

	_, err := w.Attach(other.Sandbox, []EndpointConfig{{Network: "blue", IP: one.endpoints[0].Address.Addr()}}, nil)

	require.ErrorContains(t, err, "10.1.0.2")
	entries, err := os.ReadDir(w.folder(blue, "endpoints"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "that of the one")
}
