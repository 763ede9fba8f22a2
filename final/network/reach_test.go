package network

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"mytinydocker/internal/testbed"
)

func TestContainersReachEachOther(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		one, other := w.join("one", nil, "blue"), w.join("other", nil, "blue")
		require.Equal(t, "10.1.0.2", one.address())
		require.Equal(t, "10.1.0.3", other.address())

		for _, protocol := range protocols {
			serve(t, other.inside, protocol, "0.0.0.0:80", "other")

			requireAnswer(t, "other saw 10.1.0.2", one.inside, protocol, "10.1.0.3:80")
			requireAnswer(t, "other saw 10.1.0.1", onHost, protocol, "10.1.0.3:80")
		}
	})
}

// Outside, nobody has a route to 10.1.0.0/24. What the container sends goes with the
// address of the host, and the answer comes back to it.
func TestContainerReachesTheOutsideAsTheHost(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		container := w.join("one", nil, "blue")

		for _, protocol := range protocols {
			serve(t, outside.Do, protocol, "0.0.0.0:80", "outside")

			requireAnswer(t, "outside saw 192.0.2.1", container.inside, protocol, "192.0.2.2:80")
		}
	})
}

// bridgeFiltering has what stays on a bridge meet the rules, too, or not (br_netfilter).
func bridgeFiltering(t *testing.T, value string) bool {
	t.Helper()
	return writeSetting("/proc/sys/net/bridge/bridge-nf-call-iptables", value) == nil
}

func TestPublishedPortIsReachedFromEverywhere(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		w.create("red", "10.2.0.0/24")
		outside := testbed.NewOutside(t)
		web := w.join("web", []string{"8080:80", "8080:80/udp"}, "blue")
		neighbour, stranger := w.join("neighbour", nil, "blue"), w.join("stranger", nil, "red")
		for _, protocol := range protocols {
			serve(t, web.inside, protocol, "0.0.0.0:80", "web")
		}
		for _, setting := range []string{"0", "1"} {
			if !bridgeFiltering(t, setting) {
				continue // no br_netfilter here
			}
			for _, protocol := range protocols {
				requireAnswer(t, "web saw 192.0.2.2", outside.Do, protocol, "192.0.2.1:8080")
				requireAnswer(t, "web saw 10.1.0.1", onHost, protocol, "127.0.0.1:8080")
				requireAnswer(t, "web saw 10.1.0.1", onHost, protocol, "10.1.0.1:8080")
				requireAnswer(t, "web saw 192.0.2.1", onHost, protocol, "192.0.2.1:8080")
				for name, caller := range map[string]*guest{"a neighbour": neighbour, "itself": web} {
					for _, address := range []string{"10.1.0.1:8080", "192.0.2.1:8080"} {
						answer, err := ask(caller.inside, protocol, address, 10*time.Second)
						require.NoError(t, err, "%s at %s/%s with bridge-nf-call-iptables=%s", name, address, protocol, setting)
						require.Equal(t, "web saw 10.1.0.1", answer)
					}
				}
				answer, err := ask(stranger.inside, protocol, "192.0.2.1:8080", 10*time.Second)
				require.NoError(t, err)
				require.Contains(t, []string{"web saw 10.1.0.1", "web saw 10.2.0.1"}, answer)
				requireAnswer(t, "web saw 10.1.0.3", neighbour.inside, protocol, web.at(80))
			}
		}
	})
}

// Only what is sent to this host is for the container: others have an 8080, too.
func TestPublishedPortOfOthersIsTheirs(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		web, neighbour := w.join("web", []string{"8080:80"}, "blue"), w.join("neighbour", nil, "blue")
		serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
		serve(t, outside.Do, "tcp", "0.0.0.0:8080", "outside")
		serve(t, neighbour.inside, "tcp", "0.0.0.0:8080", "neighbour")

		requireAnswer(t, "outside saw 192.0.2.1", onHost, "tcp", "192.0.2.2:8080")
		requireAnswer(t, "outside saw 192.0.2.1", neighbour.inside, "tcp", "192.0.2.2:8080")
		requireAnswer(t, "neighbour saw 10.1.0.2", web.inside, "tcp", "10.1.0.3:8080")
	})
}

func TestPortIsPublishedOnOneAddress(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		web := w.join("web", []string{"192.0.2.1:8080:80", "192.0.2.1:8080:80/udp"}, "blue")
		for _, protocol := range protocols {
			serve(t, web.inside, protocol, "0.0.0.0:80", "web")

			requireAnswer(t, "web saw 192.0.2.2", outside.Do, protocol, "192.0.2.1:8080")
			requireAnswer(t, "web saw 192.0.2.1", onHost, protocol, "192.0.2.1:8080")
			requireNoAnswer(t, onHost, protocol, "127.0.0.1:8080")
			requireNoAnswer(t, onHost, protocol, "10.1.0.1:8080")
		}
	})
}

// The world outside knows the container's address, and that the host has 127.0.0.1; and
// the host is set so that it takes packets for that one from anywhere.
func TestPortOnTheLoopbackIsNotReachedFromOutside(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		network := w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		outside.RouteTo(network.Subnet)
		web := w.join("web", []string{"127.0.0.1:8080:80", "127.0.0.1:8080:80/udp", "9090:80", "9090:80/udp"}, "blue")
		neighbour := w.join("neighbour", nil, "blue")
		openLoopback(t, outside)
		for _, protocol := range protocols {
			serve(t, web.inside, protocol, "0.0.0.0:80", "web")

			requireAnswer(t, "web saw 10.1.0.1", onHost, protocol, "127.0.0.1:8080")
			requireAnswer(t, "web saw 192.0.2.2", outside.Do, protocol, "192.0.2.1:9090")
			for _, address := range []string{"192.0.2.1:8080", "127.0.0.1:8080", "127.0.0.1:9090", web.at(80)} {
				requireNoAnswer(t, outside.Do, protocol, address)
			}
			requireNoAnswer(t, neighbour.inside, protocol, "192.0.2.1:8080")
			requireNoAnswer(t, neighbour.inside, protocol, "10.1.0.1:8080")
		}
	})
}

// openLoopback has the outside send what is for 127.0.0.1 to this host, which takes it.
func openLoopback(t *testing.T, outside *testbed.Outside) {
	t.Helper()
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	require.NoError(t, err)
	for _, address := range addresses {
		if mustPrefix(t, address.IPNet).Addr() == netip.MustParseAddr("192.0.2.1") {
			link, err := netlink.LinkByIndex(address.LinkIndex)
			require.NoError(t, err)
			require.NoError(t, writeSetting("/proc/sys/net/ipv4/conf/"+link.Attrs().Name+"/route_localnet", "1"))
		}
	}
	outside.Do(func() {
		loopback, err := netlink.LinkByName("lo")
		require.NoError(t, err)
		require.NoError(t, netlink.LinkSetUp(loopback))
		routeLoopback(t, net.IPv4(192, 0, 2, 1))
	})
}

// routeLoopback is what root does in a namespace to send packets for 127.0.0.1 away.
func routeLoopback(t *testing.T, gateway net.IP) {
	t.Helper()
	require.NoError(t, writeSetting("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1"))
	loopback, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	own, err := netlink.ParseAddr("127.0.0.1/8")
	require.NoError(t, err)
	require.NoError(t, netlink.AddrDel(loopback, own))
	target := &net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(32, 32)}
	require.NoError(t, netlink.RouteAdd(&netlink.Route{Dst: target, Gw: gateway}))
}

// Three, since the rules of the first must hold for what comes after.
func TestNetworksAreApart(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		var guests []*guest
		for number, name := range []string{"blue", "red", "green"} {
			w.create(name, fmt.Sprintf("10.%d.0.0/24", number+1))
			guests = append(guests, w.join(name, nil, name))
			serve(t, guests[number].inside, "tcp", "0.0.0.0:80", name)
			serve(t, guests[number].inside, "udp", "0.0.0.0:80", name)
		}
		for from, one := range guests {
			for to, other := range guests {
				for _, protocol := range protocols {
					if from == to {
						requireAnswer(t, one.Name+" saw "+one.address(), one.inside, protocol, other.at(80))
						continue
					}
					requireNoAnswer(t, one.inside, protocol, other.at(80))
				}
			}
		}
	})
}

func TestInternalNetworkIsAnIsland(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	bothBackends(t, func(t *testing.T, w *world) {
		network, err := w.Create(Config{Name: "island", Subnet: prefix("10.1.0.0/24"), Internal: true})
		require.NoError(t, err)
		w.create("blue", "10.2.0.0/24")
		outside := testbed.NewOutside(t)
		outside.RouteTo(network.Subnet)
		one, other := w.join("one", nil, "island"), w.join("other", nil, "island")
		web := w.join("web", []string{"8080:80", "8080:80/udp"}, "blue")
		// Root in the container knows a way, if there is one.
		one.inside(func() { require.NoError(t, netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(10, 1, 0, 1)})) })
		for _, protocol := range protocols {
			serve(t, outside.Do, protocol, "0.0.0.0:80", "outside")
			serve(t, other.inside, protocol, "0.0.0.0:80", "other")
			serve(t, web.inside, protocol, "0.0.0.0:80", "web")

			requireAnswer(t, "other saw 10.1.0.2", one.inside, protocol, other.at(80))
			requireAnswer(t, "other saw 10.1.0.1", onHost, protocol, other.at(80))
			for _, address := range []string{"192.0.2.2:80", "192.0.2.1:8080", web.at(80)} {
				requireNoAnswer(t, one.inside, protocol, address)
			}
			requireNoAnswer(t, outside.Do, protocol, other.at(80))
			requireNoAnswer(t, web.inside, protocol, other.at(80))
		}

		// Not even what nobody would answer gets out, or in, if others redirect it.
		firstHeard(t, outside.Do, map[string]somewhere{"192.0.2.2:9000": one.inside}, "192.0.2.2:9000")
		redirect := []string{"PREROUTING", "-p", "udp", "--dport", "7777", "-j", "DNAT", "--to-destination", one.at(9000)}
		require.Zero(t, testbed.Run(t, "iptables", append([]string{"-t", "nat", "-A"}, redirect...)...).Code)
		firstHeard(t, one.inside, map[string]somewhere{"192.0.2.1:7777": outside.Do}, one.at(9000))
		require.Zero(t, testbed.Run(t, "iptables", append([]string{"-t", "nat", "-D"}, redirect...)...).Code)

		reservation, err := w.Reserve([]PortMapping{{Container: 80, Protocol: "tcp"}})
		require.NoError(t, err)
		defer reservation.Close()
		_, err = w.Attach(w.newGuest("third").Sandbox, []EndpointConfig{{Network: "island"}}, reservation)
		require.ErrorContains(t, err, "not internal")
	})
}

// firstHeard sends datagrams that must not arrive, and then one from the host that does:
// it is the first that somebody at port 9000 hears.
func firstHeard(t *testing.T, listener somewhere, lost map[string]somewhere, address string) {
	t.Helper()
	var socket net.PacketConn
	var err error
	listener(func() { socket, err = net.ListenPacket("udp4", "0.0.0.0:9000") })
	require.NoError(t, err)
	defer socket.Close()
	say := func(to, text string) {
		connection, err := net.Dial("udp4", to)
		require.NoError(t, err)
		defer connection.Close()
		_, err = connection.Write([]byte(text))
		require.NoError(t, err)
	}
	for to, where := range lost {
		where(func() { say(to, "lost") })
	}
	say(address, "found")
	buffer := make([]byte, 100)
	require.NoError(t, socket.SetReadDeadline(time.Now().Add(10*time.Second)))
	length, _, err := socket.ReadFrom(buffer)
	require.NoError(t, err)
	require.Equal(t, "found", string(buffer[:length]))
}

// A host beyond may well have a route to our subnet: all that it takes is to be in the
// same network as this host, which forwards packets.
func TestNobodyGetsInUnasked(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		network := w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		outside.RouteTo(network.Subnet)
		web := w.join("web", []string{"8080:80"}, "blue")
		for _, protocol := range protocols {
			serve(t, web.inside, protocol, "0.0.0.0:80", "web")

			requireNoAnswer(t, outside.Do, protocol, web.at(80))
		}
		requireAnswer(t, "web saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
	})
}

// Docker has the FORWARD chain drop what no rule accepts, and so do others.
func TestForwardingBesideOthersWhoDrop(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	bothBackends(t, func(t *testing.T, w *world) {
		require.Zero(t, testbed.Run(t, "iptables", "-P", "FORWARD", "DROP").Code)
		defer func() { require.Zero(t, testbed.Run(t, "iptables", "-P", "FORWARD", "ACCEPT").Code) }()
		w.create("blue", "10.1.0.0/24")
		w.create("red", "10.2.0.0/24")
		outside := testbed.NewOutside(t)
		web, stranger := w.join("web", []string{"8080:80"}, "blue"), w.join("stranger", nil, "red")
		serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
		serve(t, outside.Do, "tcp", "0.0.0.0:80", "outside")

		requireAnswer(t, "outside saw 192.0.2.1", web.inside, "tcp", "192.0.2.2:80")
		requireAnswer(t, "web saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
		requireNoAnswer(t, stranger.inside, "tcp", web.at(80))
	})
}

// What listens at 127.0.0.1 is meant for nobody but the host. That address leads to the
// bridge, for published ports, and the way back would lead here.
func TestContainerDoesNotReachTheLoopbackOfTheHost(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		attacker := w.join("attacker", nil, "blue")
		for _, protocol := range protocols {
			serve(t, onHost, protocol, "127.0.0.1:9000", "host")
			requireAnswer(t, "host saw 127.0.0.1", onHost, protocol, "127.0.0.1:9000")
		}
		attacker.inside(func() { routeLoopback(t, net.IPv4(10, 1, 0, 1)) })

		for _, protocol := range protocols {
			requireNoAnswer(t, attacker.inside, protocol, "127.0.0.1:9000")
		}
	})
}

func TestContainerHasNoAddressButItsOwn(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		attacker := w.join("attacker", nil, "blue")
		socket, err := net.ListenPacket("udp4", "0.0.0.0:9000")
		require.NoError(t, err)
		defer socket.Close()
		for _, source := range []string{"192.168.77.7", "127.0.0.2", "10.1.0.200"} {
			attacker.inside(func() {
				link, err := netlink.LinkByName("eth0")
				require.NoError(t, err)
				require.NoError(t, writeSetting("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1"))
				address, err := netlink.ParseAddr(source + "/32")
				require.NoError(t, err)
				require.NoError(t, netlink.AddrReplace(link, address))
				dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}}
				connection, err := dialer.Dial("udp4", "10.1.0.1:9000")
				require.NoError(t, err)
				defer connection.Close()
				_, err = connection.Write([]byte(source))
				require.NoError(t, err)
			})
		}

		// The third is in the subnet, so it comes, and the others would have come
		// before it.
		buffer := make([]byte, 100)
		require.NoError(t, socket.SetReadDeadline(time.Now().Add(10*time.Second)))
		length, _, err := socket.ReadFrom(buffer)
		require.NoError(t, err)
		require.Equal(t, "10.1.0.200", string(buffer[:length]))
	})
}

// Two hosts that have nothing to do with containers do not find a router in this one,
// only since it has networks; but they do if that is what it was before.
func TestForwardingIsNotOpenedForAnyoneElse(t *testing.T) {
	for _, setting := range []string{"0", "1"} {
		bothBackends(t, func(t *testing.T, w *world) {
			require.NoError(t, writeSetting("/proc/sys/net/ipv4/ip_forward", setting))
			network := w.create("blue", "10.1.0.0/24")
			outside, far := testbed.NewOutside(t), newFarHost(t)
			outside.RouteTo(prefix("198.51.100.0/24"))
			web := w.join("web", nil, "blue")
			for _, protocol := range protocols {
				serve(t, far, protocol, "0.0.0.0:80", "far")

				requireAnswer(t, "far saw 198.51.100.1", web.inside, protocol, "198.51.100.2:80")
				if setting == "1" {
					requireAnswer(t, "far saw 192.0.2.2", outside.Do, protocol, "198.51.100.2:80")
				} else {
					requireNoAnswer(t, outside.Do, protocol, "198.51.100.2:80")
				}
			}
			require.NoError(t, w.Detach(web.ID, true))
			require.NoError(t, w.Remove(network.Name))

			content, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
			require.NoError(t, err)
			require.Equal(t, setting+"\n", string(content), "it is as it was")
		})
	}
}

// newFarHost makes a second host outside, 198.51.100.2, which knows a way back to the
// first.
func newFarHost(t *testing.T) somewhere {
	t.Helper()
	pid := testbed.NewNetwork(t)
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "far0"}, PeerName: "eth0", PeerNamespace: netlink.NsPid(pid)}
	require.NoError(t, netlink.LinkAdd(cable))
	t.Cleanup(func() { require.NoError(t, netlink.LinkDel(cable)) })
	far := func(do func()) { testbed.InNetworkOf(t, pid, do) }
	setUp := func(name, text string) {
		link, err := netlink.LinkByName(name)
		require.NoError(t, err)
		address, err := netlink.ParseAddr(text)
		require.NoError(t, err)
		require.NoError(t, netlink.AddrAdd(link, address))
		require.NoError(t, netlink.LinkSetUp(link))
	}
	setUp("far0", "198.51.100.1/24")
	far(func() {
		setUp("eth0", "198.51.100.2/24")
		require.NoError(t, netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(198, 51, 100, 1)}))
	})
	return far
}
