package network

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A record is whole, or trusted in nothing.
func FuzzRecord(f *testing.F) {
	whole := Network{
		ID: strings.Repeat("0", 64), Name: "blue", Driver: "bridge", Subnet: prefix("10.1.0.0/24"), Gateway: address("10.1.0.1"), Range: prefix("10.1.0.0/24"),
		Bridge: "td-x", HardwareAddr: "02:00:00:00:00:01",
	}
	content, err := json.Marshal(whole)
	require.NoError(f, err)
	for _, seed := range []string{string(content), "", "null", "{}", strings.Replace(string(content), "td-x", "../x", 1), strings.Replace(string(content), "/24", "/0", 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		n := &Networks{root: t.TempDir()}
		require.NoError(t, os.WriteFile(n.recordPath("blue"), content, 0o600))
		found, err := n.load("blue")
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		require.True(t, found.Subnet.Contains(found.Gateway))
		require.True(t, strings.HasPrefix(found.Bridge, linkPrefix))
		require.NotContains(t, found.Bridge, "/")
		require.Len(t, found.ID, 64)
	})
}

func FuzzEndpoint(f *testing.F) {
	network := &Network{ID: strings.Repeat("0", 64), Name: "blue", Subnet: prefix("10.1.0.0/24")}
	f.Add([]byte(`{"containerID":"one","networkID":"` + network.ID + `","address":"10.1.0.2/24"}`))
	f.Add([]byte(`{"containerID":"one","networkID":"` + network.ID + `","address":"","ports":[{}]}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, content []byte) {
		n := &Networks{root: t.TempDir(), run: t.TempDir()}
		path := n.endpointPath(network, "one")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, content, 0o600))
		endpoint, err := n.endpoint(network, "one")
		require.NoError(t, err)
		if endpoint != nil {
			require.True(t, network.Subnet.Contains(endpoint.Address.Addr()))
		}
		_, err = n.endpointsOf(network)
		require.NoError(t, err)
	})
}

// Whatever the file of addresses holds, an address of the subnet is given, or none.
func FuzzAddressesFile(f *testing.F) {
	a, file := newAddresses(f, "10.0.0.0/24")
	_, err := a.Allocate(a.subnet, "somebody")
	require.NoError(f, err)
	f.Add(file.content, uint8(24))
	f.Add([]byte{}, uint8(30))
	f.Add([]byte(strings.Repeat("\xff", 200)), uint8(20))
	f.Fuzz(func(t *testing.T, content []byte, bits uint8) {
		subnet := netip.PrefixFrom(address("10.0.0.0"), 16+int(bits)%15)
		path := filepath.Join(t.TempDir(), "addresses")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		err := withAddresses(path, subnet, func(a *addresses) error {
			given, err := a.Allocate(subnet, "one")
			if err == nil {
				require.True(t, subnet.Contains(given))
				require.NoError(t, a.Release(given, "one"))
			}
			return a.Owned(func(netip.Addr, string) error { return nil })
		}, reserving(addressAt(subnet, 1)))
		require.NoError(t, err)
	})
}

// What a user types is understood or refused, and never breaks a line.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"db:192.0.2.7", "db=[::1]", "02:42:ac:11:00:02", "name=blue,alias=x,ip=10.1.0.2", "10.0.0.0/8", "x\ny:1", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if name, address, err := parseHost(text, netip.Addr{}); err == nil {
			require.True(t, validName(name))
			require.Empty(t, address.Zone())
		}
		if hardware, err := parseHardwareAddress(text); err == nil {
			require.Len(t, hardware, 6)
		}
		_, _ = ParseMode(text)
		if parsed, err := netip.ParsePrefix(text); err == nil && checkSubnet(parsed) == nil {
			require.True(t, parsed.Addr().Is4())
			require.Equal(t, parsed.Masked(), parsed)
		}
		names := Names{Servers: []string{text}, Hosts: []string{text}}
		names.Servers = names.Servers[:len(text)%2]
		if names.Check() == nil {
			_, _ = names.HostsFile(address("192.0.2.1"))
		}
	})
}

// What iptables-save says is somebody else's, too.
func FuzzSaved(f *testing.F) {
	f.Add("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j TD-12345678-FORWARD\nCOMMIT\n")
	f.Add("*nat\n:TD-12345678-IN - [0:0]\n")
	f.Fuzz(func(t *testing.T, saved string) {
		tables := &iptables{tag: "12345678"}
		for line := range strings.Lines(tables.script([]rule{{chain: forward, verdict: drop}}, saved)) {
			require.Contains(t, "*:-C", line[:1])
		}
	})
}
