package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/internal/testbed"
)

func TestContainerHasItsInterfacesAddressesAndRoutes(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	_, err := w.Create(Config{Name: "island", Subnet: prefix("10.3.0.0/24"), Internal: true})
	require.NoError(t, err)
	w.create("blue", "10.1.0.0/24")
	w.create("red", "10.2.0.0/16")
	g := w.newGuest("one")
	w.attach(g, []string{"8080:80"},
		EndpointConfig{Network: "island"}, EndpointConfig{Network: "blue", IP: address("10.1.0.77")},
		EndpointConfig{Network: "red", HardwareAddr: "02:00:5e:10:00:01"})

	require.Equal(t, []string{"eth0 10.3.0.2/24", "eth1 10.1.0.77/24", "eth2 10.2.0.2/16"}, g.interfaces())
	g.inside(func() {
		for name, hardware := range map[string]string{"eth0": "02:42:0a:03:00:02", "eth1": "02:42:0a:01:00:4d", "eth2": "02:00:5e:10:00:01"} {
			link, err := netlink.LinkByName(name)
			require.NoError(t, err)
			require.Equal(t, hardware, link.Attrs().HardwareAddr.String())
			require.NotZero(t, link.Attrs().Flags&net.FlagUp)
		}
		routes, err := netlink.RouteGet(net.IPv4(192, 0, 2, 99))
		require.NoError(t, err)
		require.Equal(t, "10.1.0.1", routes[0].Gw.String(), "the first that is not internal leads to the world")
		six, err := netlink.AddrList(nil, netlink.FAMILY_V6)
		require.NoError(t, err)
		require.Len(t, six, 1, "the loopback has ::1, and nobody else anything")
	})
	six, err := netlink.AddrList(nil, netlink.FAMILY_V6)
	require.NoError(t, err)
	require.Len(t, six, 1)
	require.Equal(t, "[0.0.0.0:8080->80/tcp]", fmt.Sprint(g.endpoints[1].Ports))
	kept, err := w.Endpoints(g.ID)
	require.NoError(t, err)
	require.Equal(t, g.endpoints, kept)
	require.Equal(t, g.endpoints[1], w.only("blue"))
	for _, endpoint := range g.endpoints {
		require.LessOrEqual(t, len(endpoint.Link), 15)
	}
}

func (g *guest) interfaces() []string {
	g.t.Helper()
	var found []string
	g.inside(func() {
		for number := range 10 {
			link, err := netlink.LinkByName(interfaceName(number))
			if err != nil {
				continue
			}
			addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
			require.NoError(g.t, err)
			for _, address := range addresses {
				found = append(found, link.Attrs().Name+" "+address.IPNet.String())
			}
		}
	})
	return found
}

func TestBadPlaceIsRefusedBeforeAnythingIsMade(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	neighbour := w.join("neighbour", nil, "blue")
	links := linksNow(t)
	good := w.newGuest("one").Sandbox
	for name, test := range map[string]struct {
		change func(*Sandbox, *EndpointConfig)
		want   string
	}{
		"no id":          {func(s *Sandbox, _ *EndpointConfig) { s.ID = "" }, "container id"},
		"path as id":     {func(s *Sandbox, _ *EndpointConfig) { s.ID = "../x" }, "container id"},
		"long id":        {func(s *Sandbox, _ *EndpointConfig) { s.ID = strings.Repeat("a", 65) }, "container id"},
		"line in a name": {func(s *Sandbox, _ *EndpointConfig) { s.Name = "a\nb" }, "container name"},
		"host name":      {func(s *Sandbox, _ *EndpointConfig) { s.Hostname = "a b" }, "host name"},
		"no namespace":   {func(s *Sandbox, _ *EndpointConfig) { s.NetNS = "/proc/0/ns/net" }, "namespace"},
		"no network":     {func(_ *Sandbox, c *EndpointConfig) { c.Network = "green" }, "no such network: green"},
		"alias":          {func(_ *Sandbox, c *EndpointConfig) { c.Aliases = []string{"db\t10.0.0.1"} }, "alias"},
		"other subnet":   {func(_ *Sandbox, c *EndpointConfig) { c.IP = address("10.2.0.2") }, "not in the subnet"},
		"gateway":        {func(_ *Sandbox, c *EndpointConfig) { c.IP = address("10.1.0.1") }, "the gateway's"},
		"broadcast":      {func(_ *Sandbox, c *EndpointConfig) { c.IP = address("10.1.0.255") }, "whole subnet"},
		"IPv6":           {func(_ *Sandbox, c *EndpointConfig) { c.IP = address("fd00::2") }, "not in the subnet"},
		"taken":          {func(_ *Sandbox, c *EndpointConfig) { c.IP = address(neighbour.address()) }, "taken: 10.1.0.2"},
		"hardware":       {func(_ *Sandbox, c *EndpointConfig) { c.HardwareAddr = "02:42" }, "six bytes"},
		"for many":       {func(_ *Sandbox, c *EndpointConfig) { c.HardwareAddr = "01:00:5e:00:00:01" }, "for many"},
	} {
		sandbox, config := good, EndpointConfig{Network: "blue"}
		test.change(&sandbox, &config)

		_, err := w.Attach(sandbox, []EndpointConfig{config}, nil)

		require.ErrorContains(t, err, test.want, name)
		require.NotContains(t, err.Error(), "\n", name)
		require.Equal(t, links, linksNow(t), name)
		require.Equal(t, neighbour.endpoints[0], w.only("blue"), name)
	}
	_, err := w.Attach(good, []EndpointConfig{{Network: "blue"}, {Network: "blue"}}, nil)
	require.ErrorContains(t, err, "twice")
	w.attach(&guest{t: t, Sandbox: good}, nil, EndpointConfig{Network: "blue"})
	require.Len(t, w.inside("blue"), 2, "what was refused has no address")
}

func (w *world) inside(name string) []*Endpoint {
	w.t.Helper()
	details, err := w.Inspect(name)
	require.NoError(w.t, err)
	return details.Containers
}

// The second network has no room, and what the first has given is given back.
func TestFailedAttachLeavesNothing(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		w.create("tiny", "10.2.0.0/30")
		w.join("full", nil, "tiny")
		links, rules := linksNow(t), rulesNow(t)
		g := w.newGuest("one")
		ports, err := w.Reserve([]PortMapping{{Container: 80, Protocol: "udp"}})
		require.NoError(t, err)
		defer ports.Close()

		_, err = w.Attach(g.Sandbox, []EndpointConfig{{Network: "blue"}, {Network: "tiny"}}, ports)

		require.ErrorContains(t, err, "the network tiny: all addresses are taken")
		require.Equal(t, links, linksNow(t))
		require.Equal(t, rules, rulesNow(t))
		require.Empty(t, w.inside("blue"))
		require.Empty(t, g.interfaces())
		require.NotContains(t, g.hosts(), "one")
		w.attach(g, []string{"8080:80"}, EndpointConfig{Network: "blue"})
	})
}

func TestRestartedContainerHasOneEndpoint(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	first := w.join("one", []string{"8080:80"}, "blue")
	links := linksNow(t)
	first.reservation.Close()
	second := w.newGuest("one")
	second.ID = first.ID
	w.attach(second, []string{"8081:80"}, EndpointConfig{Network: "blue"})

	require.Len(t, linksNow(t), len(links))
	require.Equal(t, second.endpoints[0], w.only("blue"))
	require.Empty(t, first.interfaces())
}

// The address, the port and the names of who was killed are free, and nobody has
// cleaned up.
func TestWhatTheDeadHadIsFree(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("tiny", "10.1.0.0/30")
		outside := testbed.NewOutside(t)
		first := w.join("first", []string{"8080:80", "8080:80/udp"}, "tiny")
		w.kill(first)

		require.Empty(t, w.inside("tiny"))
		second := w.join("second", []string{"8080:81", "8080:81/udp", "9090:82"}, "tiny")
		require.Equal(t, first.address(), second.address())
		for _, protocol := range protocols {
			serve(t, second.inside, protocol, "0.0.0.0:80", "not published")
			serve(t, second.inside, protocol, "0.0.0.0:81", "second")
			requireAnswer(t, "second saw 192.0.2.2", outside.Do, protocol, "192.0.2.1:8080")
		}
		w.kill(second)

		// Its address is wanted, and nothing that was published there before.
		third := w.newGuest("third")
		w.attach(third, nil, EndpointConfig{Network: "tiny", IP: address("10.1.0.2")})
		for _, protocol := range protocols {
			serve(t, third.inside, protocol, "0.0.0.0:81", "third")
			requireNoAnswer(t, outside.Do, protocol, "192.0.2.1:8080")
		}
		require.NotContains(t, rulesNow(t), "9090")
	})
}

// Somebody was killed when the address was taken, and nothing else was.
func TestAddressWithoutARecordIsFree(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	network := w.create("tiny", "10.1.0.0/30")
	_, err := w.takeAddress(network, address("10.1.0.2"), "living")
	require.NoError(t, err)

	require.Equal(t, "10.1.0.2", w.join("one", nil, "tiny").address())
}

// A flow of datagrams has no end, so it is the kernel that must be told.
func TestOldFlowsGoToTheNewContainer(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		first := w.join("first", []string{"8080:80/udp"}, "blue")
		serve(t, first.inside, "udp", "0.0.0.0:80", "first")
		var connection net.Conn
		outside.Do(func() {
			var err error
			connection, err = net.Dial("udp4", "192.0.2.1:8080")
			require.NoError(t, err)
		})
		defer connection.Close()
		require.Equal(t, "first saw 192.0.2.2", sayOn(t, connection))
		first.reservation.Close()
		require.NoError(t, w.Detach(first.ID, true))

		second := w.join("second", []string{"8080:80/udp"}, "blue")
		serve(t, second.inside, "udp", "0.0.0.0:80", "second")

		require.Equal(t, "second saw 192.0.2.2", sayOn(t, connection))
	})
}

func sayOn(t *testing.T, connection net.Conn) (answer string) {
	t.Helper()
	buffer := make([]byte, 100)
	testbed.Eventually(t, "an answer", func() bool {
		_, err := connection.Write([]byte("?"))
		if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			require.NoError(t, err)
		}
		length, err := connection.Read(buffer)
		answer = string(buffer[:length])
		return err == nil
	})
	return answer
}

func TestTakenPortNamesItsContainer(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	w.join("web", []string{"8080:80"}, "blue")

	for text, want := range map[string]string{"8080:80": "the container web has it", "127.0.0.1:8080:81": "the container web has it"} {
		mappings, err := ParsePorts(text)
		require.NoError(t, err)
		_, err = w.Reserve(mappings)
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, unix.EADDRINUSE)
	}
	none, err := w.Reserve(nil)
	require.NoError(t, err)
	require.Empty(t, none.Bindings())
}

// Twenty at once, with ports, in two networks: each has its own of everything.
func TestContainersComeAndGoAtOnce(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		w.create("red", "10.2.0.0/24")
		links := linksNow(t)
		var guests []*guest
		for number := range 20 {
			guests = append(guests, w.newGuest(fmt.Sprint("g", number)))
		}
		var group sync.WaitGroup
		for number, g := range guests {
			group.Go(func() {
				networks, err := Open(w.options) // as another process would
				if err == nil {
					g.reservation, err = networks.Reserve([]PortMapping{{Container: 80, Protocol: "tcp"}})
				}
				if err == nil {
					config := []EndpointConfig{{Network: "blue"}, {Network: "red"}}
					g.endpoints, err = networks.Attach(g.Sandbox, config[:1+number%2], g.reservation)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()

		require.Len(t, w.inside("blue"), 20)
		require.Len(t, w.inside("red"), 10)
		for _, g := range guests {
			require.Equal(t, 19, strings.Count(g.hosts(), "10.1.0.")-1)
			group.Go(func() {
				g.reservation.Close()
				if err := w.Detach(g.ID, true); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.Equal(t, links, linksNow(t))
		require.Empty(t, w.inside("blue"))
	})
}

func TestManyContainersLeaveNothing(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.join("first", nil, Default)
		links, rules := linksNow(t), rulesNow(t)
		g := w.newGuest("again")
		for number := range 200 {
			var mappings []PortMapping
			if number%20 == 0 {
				mappings = []PortMapping{{Container: 80, Protocol: "udp"}}
			}
			ports, err := w.Reserve(mappings)
			require.NoError(t, err)
			_, err = w.Attach(g.Sandbox, []EndpointConfig{{Network: Default}}, ports)
			require.NoError(t, err)
			ports.Close()
			require.NoError(t, w.Detach(g.ID, true))
		}

		require.Equal(t, links, linksNow(t))
		require.Equal(t, rules, rulesNow(t))
		require.Equal(t, "first", w.only(Default).Name)
	})
}

// What is explained, a shell can do: here, in another namespace, from an empty one on.
func TestExplainedStepsCanBeRun(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("requires the program ip")
	}
	w := newWorld(t, iptablesBackend)
	var steps []explain.Step
	w.log = func(step explain.Step) { steps = append(steps, step) }
	w.create("blue", "10.1.0.0/24")
	g := w.join("web", []string{"8080:80"}, "blue")
	w.log = nil
	other, container := testbed.NewNetwork(t), testbed.NewNetwork(t)
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, step := range steps {
		line := strings.ReplaceAll(step.String(), g.NetNS, fmt.Sprintf("/proc/%d/ns/net", container))
		if strings.HasPrefix(line, "conntrack ") {
			continue // a program of its own
		}
		script.WriteString(line + "\n")
	}
	testbed.InNetworkOf(t, other, func() {
		result := testbed.Command{Path: realProgram(t, "bash"), Args: []string{"-c", script.String()}, Env: os.Environ()}.Run(t)
		require.Zero(t, result.Code, "%s\n%s", script.String(), result.Stderr)
		addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
		require.NoError(t, err)
		require.Len(t, addresses, 1)
		require.Contains(t, rulesNow(t), "--dport 8080")
	})
	require.Equal(t, []string{"eth0 10.1.0.2/24"}, (&guest{t: t, pid: container}).interfaces())
}

// Who writes down an endpoint may be killed before it is written.
func TestHalfAnEndpointGoesWithItsContainer(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	network := w.create("blue", "10.1.0.0/24")
	g := w.newGuest("one")
	w.attach(g, nil, EndpointConfig{Network: "blue"})
	half := w.endpointPath(network, g.ID) + ".new"
	require.NoError(t, os.WriteFile(half, []byte(`{"na`), 0o600))

	require.NoError(t, w.Detach(g.ID, true))

	require.NoFileExists(t, half)
}
