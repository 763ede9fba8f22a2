package network

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"mytinydocker/internal/testbed"
)

// world is a machine with networks, and containers in them.
type world struct {
	*Networks
	t       testing.TB
	options Options
	mutex   sync.Mutex
	dead    map[string]bool
}

// newWorld makes a world without a network. Whatever is there at the end of the test
// is removed, and then nothing of it must be left.
func newWorld(t testing.TB, backend string) *world {
	t.Helper()
	needs := testbed.NFTables
	if backend == iptablesBackend {
		needs = testbed.IPTables
	}
	testbed.Require(t, testbed.Root, needs)
	// Whoever was here before may have left the host a router.
	require.NoError(t, writeSetting("/proc/sys/net/ipv4/ip_forward", "0"))
	root := testbed.StateRoot(t)
	w := &world{t: t, dead: make(map[string]bool)}
	w.options = Options{Root: root, Run: root + "/run", Backend: backend, Alive: func(id string) bool {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		return !w.dead[id]
	}}
	var err error
	w.Networks, err = Open(w.options)
	require.NoError(t, err)
	t.Cleanup(w.end)
	return w
}

// end removes all networks, also the one that is always there.
func (w *world) end() { require.NoError(w.t, w.Reset()) }

// bothBackends runs a test with each.
func bothBackends(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, backend := range []string{nftablesBackend, iptablesBackend} {
		t.Run(backend, func(t *testing.T) { test(t, newWorld(t, backend)) })
	}
}

func (w *world) create(name, subnet string) *Network {
	w.t.Helper()
	network, err := w.Create(Config{Name: name, Subnet: prefix(subnet)})
	require.NoError(w.t, err)
	return network
}

// guest is a container as far as a network sees it: a process in a network namespace.
type guest struct {
	t testing.TB
	Sandbox
	pid         int
	endpoints   []*Endpoint
	reservation *Reservation
}

// newGuest makes one that is in no network.
func (w *world) newGuest(name string) *guest {
	w.t.Helper()
	pid := testbed.NewNetwork(w.t)
	random := make([]byte, 32)
	_, _ = rand.Read(random)
	id := hex.EncodeToString(random)
	hosts := filepath.Join(w.t.TempDir(), "hosts")
	require.NoError(w.t, os.WriteFile(hosts, []byte("127.0.0.1\tlocalhost\n"), 0o644))
	g := &guest{t: w.t, pid: pid, Sandbox: Sandbox{ID: id, Name: name, Hostname: id[:12], NetNS: fmt.Sprintf("/proc/%d/ns/net", pid), HostsFile: hosts}}
	g.inside(func() {
		loopback, err := netlink.LinkByName("lo")
		require.NoError(w.t, err)
		require.NoError(w.t, netlink.LinkSetUp(loopback))
	})
	return g
}

// join has a new container be in some networks.
func (w *world) join(name string, ports []string, networks ...string) *guest {
	w.t.Helper()
	g := w.newGuest(name)
	var configs []EndpointConfig
	for _, network := range networks {
		configs = append(configs, EndpointConfig{Network: network})
	}
	w.attach(g, ports, configs...)
	return g
}

func (w *world) attach(g *guest, ports []string, configs ...EndpointConfig) {
	w.t.Helper()
	var mappings []PortMapping
	for _, text := range ports {
		parsed, err := ParsePorts(text)
		require.NoError(w.t, err)
		mappings = append(mappings, parsed...)
	}
	var err error
	g.reservation, err = w.Reserve(mappings)
	require.NoError(w.t, err)
	w.t.Cleanup(g.reservation.Close)
	w.t.Cleanup(func() { require.NoError(w.t, w.Detach(g.ID, true)) })
	g.endpoints, err = w.Attach(g.Sandbox, configs, g.reservation)
	require.NoError(w.t, err)
}

// kill ends a container as a crash does: with its watcher, and nobody cleans up.
func (w *world) kill(g *guest) {
	w.t.Helper()
	w.mutex.Lock()
	w.dead[g.ID] = true
	w.mutex.Unlock()
	g.reservation.Close()
	process, err := os.FindProcess(g.pid)
	require.NoError(w.t, err)
	require.NoError(w.t, process.Kill())
}

func (g *guest) inside(do func()) { testbed.InNetworkOf(g.t, g.pid, do) }

func (g *guest) address() string { return g.endpoints[0].Address.Addr().String() }

func (g *guest) at(port int) string { return net.JoinHostPort(g.address(), fmt.Sprint(port)) }

func (g *guest) hosts() string {
	g.t.Helper()
	content, err := os.ReadFile(g.HostsFile)
	require.NoError(g.t, err)
	return string(content)
}

// somewhere is where a test is when it calls a function: on the host, outside, or in a
// container.
type somewhere func(do func())

func onHost(do func()) { do() }

var protocols = []string{"tcp", "udp"}

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
		if err = connection.SetDeadline(time.Now().Add(patience)); err != nil {
			return
		}
		if _, err = connection.Write([]byte("?")); err != nil {
			return
		}
		buffer := make([]byte, 100)
		var length int
		length, err = connection.Read(buffer)
		answer = string(buffer[:length])
	})
	return answer, err
}

func requireAnswer(t *testing.T, want string, where somewhere, protocol, address string) {
	t.Helper()
	answer, err := ask(where, protocol, address, 10*time.Second)
	require.NoError(t, err, "%s %s", protocol, address)
	require.Equal(t, want, answer, "%s %s", protocol, address)
}

// requireNoAnswer is for what is thrown away or refused.
func requireNoAnswer(t *testing.T, where somewhere, protocol, address string) {
	t.Helper()
	answer, err := ask(where, protocol, address, 200*time.Millisecond)
	require.Error(t, err, "%s %s said %q", protocol, address, answer)
}

// links are the names of all links of the host but those of other tests.
func linksNow(t *testing.T) []string {
	t.Helper()
	links, err := netlink.LinkList()
	require.NoError(t, err)
	var names []string
	for _, link := range links {
		names = append(names, link.Attrs().Name)
	}
	slices.Sort(names)
	return names
}

func mustPrefix(t *testing.T, network *net.IPNet) netip.Prefix {
	t.Helper()
	parsed, ok := prefixOf(network)
	require.True(t, ok)
	return parsed
}
