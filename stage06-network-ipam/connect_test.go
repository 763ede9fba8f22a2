package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// somewhere is where a test is when it calls a function: on the host, outside, or in a
// container.
type somewhere func(do func())

func onHost(do func()) { do() }

// guest is a container as far as a network sees it: a process in a network namespace.
type guest struct {
	pid      int
	endpoint *Endpoint
	inside   somewhere
}

func (g *guest) address() string { return g.endpoint.Address.Addr().String() }

// connect joins a new container to a network, as `run` does.
func connect(t *testing.T, root, network string, ports ...string) *guest {
	t.Helper()
	parsed, err := portsOf(ports)
	require.NoError(t, err)
	pid := testbed.NewNetwork(t)
	endpoint, err := Connect(root, network, parsed)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, endpoint.Disconnect(root)) })
	require.NoError(t, endpoint.attach(pid))
	g := &guest{pid: pid, endpoint: endpoint, inside: func(do func()) { testbed.InNetworkOf(t, pid, do) }}
	g.inside(func() {
		require.NoError(t, setUpLoopback())
		require.NoError(t, configureInterface(endpoint))
	})
	return g
}

// serve answers everybody who asks there with its name and the asker's address.
func serve(t *testing.T, where somewhere, protocol, address, name string) {
	t.Helper()
	var err error
	if protocol == "udp" {
		var socket net.PacketConn
		where(func() { socket, err = net.ListenPacket("udp4", address) })
		require.NoError(t, err)
		t.Cleanup(func() { socket.Close() })
		go func() {
			buffer := make([]byte, 100)
			for {
				_, from, err := socket.ReadFrom(buffer)
				if err != nil {
					return
				}
				_, _ = socket.WriteTo([]byte(name+" saw "+hostOf(from)), from)
			}
		}()
		return
	}
	var listener net.Listener
	where(func() { listener, err = net.Listen("tcp4", address) })
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(connection, name+" saw "+hostOf(connection.RemoteAddr()))
			connection.Close()
		}
	}()
}

func hostOf(address net.Addr) string {
	host, _, _ := net.SplitHostPort(address.String())
	return host
}

// ask asks a server, and returns what it says within the time.
func ask(where somewhere, protocol, address string, patience time.Duration) (answer string, err error) {
	where(func() {
		var connection net.Conn
		if connection, err = net.DialTimeout(protocol+"4", address, patience); err != nil {
			return
		}
		defer connection.Close()
		answer, err = askOn(connection, patience)
	})
	return answer, err
}

func askOn(connection net.Conn, patience time.Duration) (string, error) {
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := connection.Write([]byte("?")); err != nil {
		return "", err
	}
	buffer := make([]byte, 100)
	length, err := connection.Read(buffer)
	return string(buffer[:length]), err
}

func requireAnswer(t *testing.T, want string, where somewhere, protocol, address string) {
	t.Helper()
	answer, err := ask(where, protocol, address, 10*time.Second)
	require.NoError(t, err, "want %q at %s/%s", want, address, protocol)
	require.Equal(t, want, answer, "at %s/%s", address, protocol)
}

// requireSilence is for what the kernel throws away: there is no error to wait for,
// only an answer that does not come.
func requireSilence(t *testing.T, where somewhere, protocol, address string) {
	t.Helper()
	answer, err := ask(where, protocol, address, 200*time.Millisecond)
	failure := net.Error(nil)
	require.ErrorAs(t, err, &failure, "somebody at %s/%s said %q", address, protocol, answer)
	require.True(t, failure.Timeout(), "at %s/%s: %v", address, protocol, err)
}

var protocols = []string{"tcp", "udp"}

func TestCableLeadsFromTheBridgeInside(t *testing.T) {
	root := testbed.StateRoot(t)
	network := createNetwork(t, root, "blue", "10.1.0.0/24")
	pid := testbed.NewNetwork(t)
	endpoint, err := Connect(root, "blue", nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, endpoint.Disconnect(root)) }()

	require.NoError(t, endpoint.attach(pid))

	cable, err := netlink.LinkByName(endpoint.Link)
	require.NoError(t, err)
	bridge, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)
	require.Equal(t, bridge.Attrs().Index, cable.Attrs().MasterIndex, "the host's end is not in the bridge")
	require.NotZero(t, cable.Attrs().Flags&net.FlagUp, "the host's end is down")
	port, err := netlink.LinkGetProtinfo(cable)
	require.NoError(t, err)
	require.True(t, port.Hairpin, "hairpin is off")
	require.NotContains(t, linkNames(t), "eth0")
	testbed.InNetworkOf(t, pid, func() { require.ElementsMatch(t, []string{"lo", "eth0"}, linkNames(t)) })
}

// The peer never exists on the host, so what the host has by the same name does not
// matter, and nobody can take hold of it in between.
func TestInterfaceIsBornInside(t *testing.T) {
	root := testbed.StateRoot(t)
	network := createNetwork(t, root, "blue", "10.1.0.0/24")
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}}))
	theirs, err := netlink.LinkByName("eth0")
	require.NoError(t, err)
	defer func() { require.NoError(t, netlink.LinkDel(theirs)) }()

	container := connect(t, root, "blue")

	host, err := netlink.LinkByName(container.endpoint.Link)
	require.NoError(t, err)
	require.Regexp(t, `^veth[a-z2-7]{8}$`, container.endpoint.Link)
	bridge, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)
	require.Equal(t, bridge.Attrs().Index, host.Attrs().MasterIndex)
	container.inside(func() {
		require.ElementsMatch(t, []string{"lo", "eth0"}, linkNames(t))
		link, err := netlink.LinkByName("eth0")
		require.NoError(t, err)
		addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
		require.NoError(t, err)
		require.Len(t, addresses, 1)
		require.Equal(t, "10.1.0.2/24", addresses[0].IPNet.String())
		routes, err := netlink.RouteGet(net.IPv4(192, 0, 2, 2))
		require.NoError(t, err)
		require.Equal(t, "10.1.0.1", routes[0].Gw.String())
	})
}

// A bridge without an address of its own has that of one of its cables, and another
// one when this goes: connections break for no reason that anybody could see.
func TestGatewayKeepsItsHardwareAddress(t *testing.T) {
	root := testbed.StateRoot(t)
	network := createNetwork(t, root, "blue", "10.1.0.0/24")
	hardware := func() string {
		bridge, err := netlink.LinkByName(network.Bridge)
		require.NoError(t, err)
		return bridge.Attrs().HardwareAddr.String()
	}
	before := hardware()

	for range 8 {
		connect(t, root, "blue")
		require.Equal(t, before, hardware())
	}
}

func TestConnectRefusesWhatIsNoNetwork(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	root := testbed.StateRoot(t)
	for _, name := range []string{"nosuch", "", "..", "a/b"} {
		_, err := Connect(root, name, nil)
		require.ErrorContains(t, err, "no such network", name)
	}
	require.NoDirExists(t, filepath.Join(root, "networks"))
}

// state is all that an endpoint leaves its traces in.
type state struct {
	links         []string
	rules         string
	bits          []byte
	owners, about []string // of addresses, by their links; what else is known of the network
}

func stateOf(t *testing.T, root, network string) state {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "networks", network))
	require.NoError(t, err)
	now := state{links: linkNames(t), rules: rulesNow(t), bits: []byte(content(t, root, "networks", network, "addresses"))}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "veth") {
			now.owners = append(now.owners, entry.Name())
		} else {
			now.about = append(now.about, entry.Name())
		}
	}
	return now
}

// requireState compares one part after the other.
func requireState(t *testing.T, want state, root, network string) {
	t.Helper()
	got := stateOf(t, root, network)
	require.Equal(t, want.links, got.links, "links")
	require.Empty(t, changes(want.rules, got.rules), "rules")
	require.Equal(t, want.rules, got.rules, "the order of the rules")
	require.Equal(t, want.bits, got.bits, "the bits of the addresses")
	require.Equal(t, want.owners, got.owners, "owners of addresses")
	require.Equal(t, want.about, got.about, "files")
}

func TestNothingIsLeftOfAnEndpoint(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	before := stateOf(t, root, "blue")
	for name, end := range map[string]func(t *testing.T, container *guest){
		"that is disconnected": func(*testing.T, *guest) {},
		"whose container was killed": func(t *testing.T, container *guest) {
			process, err := os.FindProcess(container.pid)
			require.NoError(t, err)
			require.NoError(t, process.Kill())
			testbed.Eventually(t, "the namespace to go, and the link with it", func() bool {
				return !strings.Contains(strings.Join(linkNames(t), " "), container.endpoint.Link)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			container := connect(t, root, "blue", "8080:80", "8080:80/udp")
			require.ErrorContains(t, RemoveNetwork(root, "blue"), "in use")
			// It is known from its record, by another process.
			record, err := json.Marshal(container.endpoint)
			require.NoError(t, err)
			var endpoint Endpoint
			require.NoError(t, json.Unmarshal(record, &endpoint))
			require.Equal(t, container.endpoint, &endpoint)
			end(t, container)

			require.NoError(t, endpoint.Disconnect(root))

			requireState(t, before, root, "blue")
			require.NoError(t, endpoint.Disconnect(root))
		})
	}
}

func TestDisconnectTakesNothingFromOthers(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	first := connect(t, root, "blue", "8080:80")
	require.NoError(t, first.endpoint.Disconnect(root))
	second := connect(t, root, "blue", "8080:80")
	require.Equal(t, first.address(), second.address())
	serve(t, second.inside, "tcp", "0.0.0.0:80", "second")

	before := content(t, root, "networks/blue/addresses")
	require.NoError(t, first.endpoint.Disconnect(root))

	require.Equal(t, before, content(t, root, "networks/blue/addresses"))
	require.NotEqual(t, second.address(), connect(t, root, "blue").address())
}

// Somebody has removed the folder by hand. The container can be removed even so.
func TestDisconnectFromANetworkThatIsGone(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	links, rules := linkNames(t), rulesNow(t)
	folder := filepath.Join(root, "networks/blue")
	container := connect(t, root, "blue", "8080:80")
	require.NoError(t, os.Rename(folder, folder+"-gone"))

	require.NoError(t, container.endpoint.Disconnect(root))

	require.Equal(t, links, linkNames(t))
	require.Equal(t, rules, rulesNow(t))
	require.NoError(t, os.Rename(folder+"-gone", folder))
}

func TestTwentyTimesLeaveNoMoreThanOne(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	before := stateOf(t, root, "blue")
	pid := testbed.NewNetwork(t)
	for range 20 {
		endpoint, err := Connect(root, "blue", []Port{{Host: 8080, Container: 80, Protocol: "tcp"}})
		require.NoError(t, err)
		require.Equal(t, "10.1.0.2/24", endpoint.Address.String())
		require.NoError(t, endpoint.attach(pid))
		require.NoError(t, endpoint.Disconnect(root))
	}
	requireState(t, before, root, "blue")
}

func TestFailedAttachLeavesNothing(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	endpoint, err := Connect(root, "blue", []Port{{Host: 8080, Container: 80, Protocol: "tcp"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, endpoint.Disconnect(root)) }()
	before := stateOf(t, root, "blue")
	pid := testbed.NewNetwork(t)

	t.Run("nobody there", func(t *testing.T) {
		require.ErrorContains(t, endpoint.attach(1<<22+1), endpoint.Link)
		requireState(t, before, root, "blue")
	})
	t.Run("no rule", func(t *testing.T) {
		failAtRule(t, "OUTPUT")
		require.ErrorContains(t, endpoint.attach(pid), "planted failure")
		requireState(t, before, root, "blue")
		testbed.InNetworkOf(t, pid, func() { require.Equal(t, []string{"lo"}, linkNames(t)) })
	})
	require.NoError(t, endpoint.attach(pid))
}

// A boot ends every container and leaves the records.
func TestConnectMakesTheBridgeAgain(t *testing.T) {
	root := testbed.StateRoot(t)
	network := createNetwork(t, root, "blue", "10.1.0.0/24")
	require.NoError(t, network.removeBridge())

	one, other := connect(t, root, "blue"), connect(t, root, "blue")
	serve(t, other.inside, "tcp", "0.0.0.0:80", "other")

	requireAnswer(t, "other saw 10.1.0.2", one.inside, "tcp", other.address()+":80")
}

// The kernel remembers where a flow of datagrams goes, as long as it flows: to a
// container that is gone, and to whoever has its address then; or to the host itself,
// which had no container for the port when it began.
func TestFlowFollowsThePortToTheNextContainer(t *testing.T) {
	root := testbed.StateRoot(t)
	createNetwork(t, root, "blue", "10.1.0.0/24")
	outside := testbed.NewOutside(t)
	first := connect(t, root, "blue", "5353:53/udp")
	serve(t, first.inside, "udp", "0.0.0.0:53", "first")
	var client net.Conn
	outside.Do(func() {
		var err error
		client, err = net.Dial("udp4", "192.0.2.1:5353")
		require.NoError(t, err)
	})
	defer client.Close()
	answer, err := askOn(client, 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, "first saw 192.0.2.2", answer)

	require.NoError(t, first.endpoint.Disconnect(root))
	_, err = askOn(client, 10*time.Second)
	require.ErrorIs(t, err, unix.ECONNREFUSED, "the host answers for itself, and the flow goes there now")
	connect(t, root, "blue") // takes the address
	next := connect(t, root, "blue", "5353:53/udp")
	serve(t, next.inside, "udp", "0.0.0.0:53", "next")

	answer, err = askOn(client, 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, "next saw 192.0.2.2", answer)
}
