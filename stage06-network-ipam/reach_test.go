package main

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"mytinydocker/internal/testbed"
)

func TestContainersReachEachOther(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	one, other := connect(t, root, "blue"), connect(t, root, "blue")
	require.Equal(t, "10.1.0.2", one.address())
	require.Equal(t, "10.1.0.3", other.address())

	for _, protocol := range protocols {
		serve(t, other.inside, protocol, "0.0.0.0:80", "other")

		requireAnswer(t, "other saw 10.1.0.2", one.inside, protocol, "10.1.0.3:80")
		requireAnswer(t, "other saw 10.1.0.1", onHost, protocol, "10.1.0.3:80")
		requireAnswer(t, "other saw 127.0.0.1", other.inside, protocol, "127.0.0.1:80")
	}
}

// Outside, nobody has a route to 10.1.0.0/24. What the container sends goes with the
// address of the host, and the answer comes back to it (MASQUERADE).
func TestContainerReachesTheOutsideAsTheHost(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	outside := testbed.NewOutside(t)
	container := connect(t, root, "blue")

	for _, protocol := range protocols {
		serve(t, outside.Do, protocol, "0.0.0.0:80", "outside")

		requireAnswer(t, "outside saw 192.0.2.1", container.inside, protocol, "192.0.2.2:80")
	}
}

func TestPublishedPortIsReachedFromEverywhere(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	createNetwork(t, root, "red", "10.2.0.0/24")
	outside := testbed.NewOutside(t)
	web := connect(t, root, "blue", "8080:80", "8080:80/udp")
	neighbour, stranger := connect(t, root, "blue"), connect(t, root, "red")
	for _, protocol := range protocols {
		serve(t, web.inside, protocol, "0.0.0.0:80", "web")
	}
	// With br_netfilter, what stays on the bridge meets the rules, too.
	for _, setting := range []string{"0", "1"} {
		if err := write("/proc/sys/net/bridge", "bridge-nf-call-iptables", setting); err != nil && setting == "1" {
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
			requireAnswer(t, "web saw 10.1.0.3", neighbour.inside, protocol, web.address()+":80")
		}
	}
}

// Only what is sent to this host is for the container: others have an 8080, too.
func TestPublishedPortOfOthersIsTheirs(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	outside := testbed.NewOutside(t)
	web, neighbour := connect(t, root, "blue", "8080:80"), connect(t, root, "blue")
	serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
	serve(t, outside.Do, "tcp", "0.0.0.0:8080", "outside")
	serve(t, neighbour.inside, "tcp", "0.0.0.0:8080", "neighbour")

	requireAnswer(t, "outside saw 192.0.2.1", onHost, "tcp", "192.0.2.2:8080")
	requireAnswer(t, "outside saw 192.0.2.1", neighbour.inside, "tcp", "192.0.2.2:8080")
	requireAnswer(t, "neighbour saw 10.1.0.2", web.inside, "tcp", "10.1.0.3:8080")
}

// Three, since the rules of the first must hold for what comes after.
func TestNetworksAreApart(t *testing.T) {
	root := testbed.StateRoot(t)
	var guests []*guest
	for number, name := range []string{"blue", "red", "green"} {
		createNetwork(t, root, name, fmt.Sprintf("10.%d.0.0/24", number+1))
		guests = append(guests, connect(t, root, name))
		serve(t, guests[number].inside, "tcp", "0.0.0.0:80", name)
		serve(t, guests[number].inside, "udp", "0.0.0.0:80", name)
	}
	for from, one := range guests {
		for to, other := range guests {
			for _, protocol := range protocols {
				if from == to {
					requireAnswer(t, one.endpoint.Network+" saw "+one.address(), one.inside, protocol, other.address()+":80")
					continue
				}
				requireSilence(t, one.inside, protocol, other.address()+":80")
			}
		}
	}
}

// A host beyond may well have a route to our subnet: all that it takes is to be in
// the same network as this host, which forwards packets.
func TestNobodyGetsInUnasked(t *testing.T) {
	root := testbed.StateRoot(t)
	network := createNetwork(t, root, "blue", "10.1.0.0/24")
	outside := testbed.NewOutside(t)
	outside.RouteTo(network.Subnet)
	web := connect(t, root, "blue", "8080:80")
	for _, protocol := range protocols {
		serve(t, web.inside, protocol, "0.0.0.0:80", "web")

		requireSilence(t, outside.Do, protocol, web.address()+":80")
	}
	requireAnswer(t, "web saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
}

// Docker has the FORWARD chain drop what no rule accepts.
func TestForwardingBesideDocker(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	outside := testbed.NewOutside(t)
	require.Zero(t, testbed.Run(t, "iptables", "-P", "FORWARD", "DROP").Code)
	defer func() { require.Zero(t, testbed.Run(t, "iptables", "-P", "FORWARD", "ACCEPT").Code) }()
	web := connect(t, root, "blue", "8080:80")
	serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
	serve(t, outside.Do, "tcp", "0.0.0.0:80", "outside")

	requireAnswer(t, "outside saw 192.0.2.1", web.inside, "tcp", "192.0.2.2:80")
	requireAnswer(t, "web saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
}

// What listens at 127.0.0.1 is meant for nobody but the host. That address leads to
// the bridge, for published ports, and the way back would lead here.
func TestContainerDoesNotReachTheLoopbackOfTheHost(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	attacker := connect(t, root, "blue")
	for _, protocol := range protocols {
		serve(t, onHost, protocol, "127.0.0.1:9000", "host")
		requireAnswer(t, "host saw 127.0.0.1", onHost, protocol, "127.0.0.1:9000")
	}
	// Root in the container, with a free hand in its namespace.
	attacker.inside(func() {
		require.NoError(t, write("/proc/sys/net/ipv4/conf/eth0", "route_localnet", "1"))
		loopback, err := netlink.LinkByName("lo")
		require.NoError(t, err)
		own, err := netlink.ParseAddr("127.0.0.1/8")
		require.NoError(t, err)
		require.NoError(t, netlink.AddrDel(loopback, own))
		target := &net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(32, 32)}
		require.NoError(t, netlink.RouteAdd(&netlink.Route{Dst: target, Gw: net.IPv4(10, 1, 0, 1)}))
	})

	for _, protocol := range protocols {
		requireSilence(t, attacker.inside, protocol, "127.0.0.1:9000")
	}
}

func TestContainerHasNoAddressButItsOwn(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	attacker := connect(t, root, "blue")
	socket, err := net.ListenPacket("udp4", "0.0.0.0:9000")
	require.NoError(t, err)
	defer socket.Close()
	for _, source := range []string{"192.168.77.7", "127.0.0.2", "10.1.0.200"} {
		attacker.inside(func() {
			link, err := netlink.LinkByName("eth0")
			require.NoError(t, err)
			require.NoError(t, write("/proc/sys/net/ipv4/conf/eth0", "route_localnet", "1"))
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

	// The third is in the subnet, so it comes, and the others would have come before it.
	buffer := make([]byte, 100)
	require.NoError(t, socket.SetReadDeadline(time.Now().Add(10*time.Second)))
	length, _, err := socket.ReadFrom(buffer)
	require.NoError(t, err)
	require.Equal(t, "10.1.0.200", string(buffer[:length]))
}
