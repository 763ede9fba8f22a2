package museum

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"mytinydocker/internal/testbed"
)

// withNetwork opens a museum that can have networks.
func withNetwork(t *testing.T) *museum {
	t.Helper()
	testbed.Require(t, testbed.NFTables)
	return open(t)
}

// serve starts a server at port 80 that says its name.
func (m *museum) serve(name string, flags ...string) {
	m.t.Helper()
	args := append([]string{"run", "-d", "--name", name}, flags...)
	m.ok(append(args, "base", "sh", "-c", "mkdir /www; echo "+name+" > /www/page; exec httpd -p 80 -h /www")...)
	m.t.Cleanup(func() { m.tinydocker("rm", "-f", name) })
	testbed.Eventually(m.t, name+" listens", func() bool {
		logs := m.tinydocker("logs", name)
		return strings.Contains(logs.Stdout+logs.Stderr, "listening on")
	})
}

// fetch gets a page with the built-in image's client where the test is.
func fetch(t *testing.T, where string) string {
	t.Helper()
	return testbed.Run(t, testbed.Build(t, "mytinydocker/internal/base/box"), "wget", "-q", "-T", "3", "-O", "-", "http://"+where+"/page").Stdout
}

func (m *museum) address(name string) string {
	m.t.Helper()
	return m.ok("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
}

// CVE-2020-13401, Docker, and what is possible for everybody on one wire: with raw sockets
// a container answers for others (ARP), and tells the host's kernel who its router is
// (IPv6 router advertisements).
//
// Here NET_RAW is not among the capabilities, ping(8) does without it, and bridge and cable
// believe no router.
func TestForgedPackets(t *testing.T) {
	m := withNetwork(t)
	v := m.visit("--network bridge")
	m.everywhere(v, "socket-raw EPERM\nsocket-packet EPERM\n", "/probe", "try", "socket-raw", "socket-packet")
	m.everywhere(v, "answered\n", sh("ping -c1 127.0.0.1 >/dev/null && echo answered")...)
	m.keep(v)
	links, err := os.ReadDir("/proc/sys/net/ipv6/conf")
	if err != nil {
		return // a kernel without IPv6 believes nobody
	}
	for _, link := range links {
		if link.Name() == "lo" || link.Name() == "all" || link.Name() == "default" {
			continue
		}
		believes := string(contentOf(t, "/proc/sys/net/ipv6/conf/"+link.Name()+"/accept_ra"))
		off := string(contentOf(t, "/proc/sys/net/ipv6/conf/"+link.Name()+"/disable_ipv6"))
		require.True(t, believes == "0\n" || off == "1\n", "%s: accept_ra is %s", link.Name(), believes)
	}
}

// CVE-2020-8558, Kubernetes, and CVE-2025-54388, Docker: what is published on 127.0.0.1 is
// for this machine. A neighbour on the wire sends there what has that address, or the
// container's own.
//
// Here packets for a published port that came from elsewhere are dropped before they are
// translated (final/network/rules.go).
func TestPortOfTheLoopbackFromOutside(t *testing.T) {
	m := withNetwork(t)
	outside := testbed.NewOutside(t)
	m.serve("private", "-p", "127.0.0.1:8081:80")
	m.serve("public", "-p", "8080:80")
	address := m.address("private")
	outside.RouteTo(netip.MustParsePrefix("172.16.0.0/12"))

	require.Equal(t, "private\n", fetch(t, "127.0.0.1:8081"))
	outside.Do(func() {
		require.Equal(t, "public\n", fetch(t, "192.0.2.1:8080"))
		for _, where := range []string{"192.0.2.1:8081", address + ":80", address + ":8081"} {
			require.Empty(t, fetch(t, where), where)
		}
	})
}

// A runtime that switches forwarding on makes a router of the host: for everybody who is
// on a wire of it, and between its own networks.
//
// Here what is forwarded for others is dropped as before, and so is what goes from one
// network to another.
func TestHostBecomesARouter(t *testing.T) {
	m := withNetwork(t)
	outside := testbed.NewOutside(t)
	forwarding := "/proc/sys/net/ipv4/ip_forward" // of the test's own network namespace, which may have begun with it
	before := contentOf(t, forwarding)
	require.NoError(t, os.WriteFile(forwarding, []byte("0"), 0o600))
	t.Cleanup(func() { require.NoError(t, os.WriteFile(forwarding, before, 0o600)) })
	m.ok("network", "create", "--subnet", "10.66.1.0/24", "red")
	m.ok("network", "create", "--subnet", "10.66.2.0/24", "blue")
	m.serve("server", "--network", "blue")
	client := func(network string) string {
		line := fmt.Sprintf("exec wget -q -T 3 -O - http://%s/page", m.address("server"))
		return m.tinydocker("run", "--rm", "--network", network, "base", "sh", "-c", line).Stdout
	}

	require.Equal(t, "server\n", client("blue"))
	require.Empty(t, client("red"))
	outside.RouteTo(netip.MustParsePrefix("10.66.2.0/24"))
	outside.Do(func() { require.Empty(t, fetch(t, m.address("server"))) })

	beyond := serveBeyond(t)
	require.Equal(t, "beyond\n", fetch(t, beyond.String()), "the host gets there")
	outside.RouteTo(netip.PrefixFrom(beyond.Addr(), 24).Masked())
	outside.Do(func() { require.Empty(t, fetch(t, beyond.String())) })
}

// serveBeyond has a server be on a second wire of the host, from which all ways lead to the
// host, and returns where it is.
func serveBeyond(t *testing.T) netip.AddrPort {
	t.Helper()
	pid := testbed.NewNetwork(t)
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "beyond"}, PeerName: "eth0", PeerNamespace: netlink.NsPid(pid)}
	require.NoError(t, netlink.LinkAdd(cable))
	t.Cleanup(func() { require.NoError(t, netlink.LinkDel(cable)) })
	setUp := func(name, address string) {
		link, err := netlink.LinkByName(name)
		require.NoError(t, err)
		parsed, err := netlink.ParseAddr(address)
		require.NoError(t, err)
		require.NoError(t, netlink.AddrAdd(link, parsed))
		require.NoError(t, netlink.LinkSetUp(link))
	}
	setUp("beyond", "198.51.100.1/24") // another of the networks for examples (RFC 5737)
	var listener net.Listener
	testbed.InNetworkOf(t, pid, func() {
		setUp("eth0", "198.51.100.2/24")
		require.NoError(t, netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(198, 51, 100, 1)}))
		var err error
		listener, err = net.Listen("tcp", "198.51.100.2:80")
		require.NoError(t, err)
	})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "beyond") })}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return netip.MustParseAddrPort(listener.Addr().String())
}

// Names that become words of `iptables` and `ip`, or a file below /sys/class/net.
//
// Here names are checked first, and rules travel over netlink, in which there are no words.
func TestNamesOfNetworksAreWords(t *testing.T) {
	m := withNetwork(t)
	for _, name := range []string{"-j", "--help", "x;y", "a b", "a/b", "..", "%d", "x\ny", "$(id)", strings.Repeat("x", 200), "eth0:1/../.."} {
		m.refused("network", "create", "--", name)
		m.refused("network", "create", "--opt", "com.docker.network.bridge.name="+name, "good")
	}
	require.NotContains(t, m.ok("network", "ls", "-q"), "good")
}
