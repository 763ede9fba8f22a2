package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"mytinydocker/internal/testbed"
)

func iptables(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := exec.Command("iptables", arguments...).CombinedOutput()
	require.NoError(t, err, string(output))
	return string(output)
}

// makeNetwork makes a network as chapter 6 keeps it, with a port of a container that
// was killed.
func makeNetwork(t *testing.T, root string) {
	t.Helper()
	folder := filepath.Join(root, "networks", "web")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	record := `{"Name":"web","Driver":"bridge","Subnet":"10.81.0.0/24","Gateway":"10.81.0.1","Bridge":"br-sweep"}`
	require.NoError(t, os.WriteFile(filepath.Join(folder, "network.json"), []byte(record), 0o600))
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br-sweep"}}
	require.NoError(t, netlink.LinkAdd(bridge))
	t.Cleanup(func() { _ = netlink.LinkDel(bridge) })
	iptables(t, "-t", "nat", "-A", "POSTROUTING", "-s", "10.81.0.0/24", "!", "-o", "br-sweep", "-j", "MASQUERADE")
	iptables(t, "-t", "nat", "-I", "OUTPUT", "-p", "tcp", "--dport", "8080", "-m", "addrtype", "--dst-type", "LOCAL",
		"-j", "DNAT", "--to-destination", "10.81.0.2:80")
	iptables(t, "-t", "raw", "-A", "PREROUTING", "-i", "br-sweep", "-d", "127.0.0.0/8", "-j", "DROP")
	iptables(t, "-A", "FORWARD", "-i", "br-sweep", "-j", "ACCEPT")
}

func TestSweepRemovesNetworks(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	root := filepath.Join(t.TempDir(), "root")
	foreign := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br-sweeper"}}
	require.NoError(t, netlink.LinkAdd(foreign))
	t.Cleanup(func() { require.NoError(t, netlink.LinkDel(foreign)) })
	theirs := [][]string{
		{"FORWARD", "-i", "br-sweeper", "-j", "ACCEPT"},
		{"FORWARD", "-m", "comment", "--comment", "not br-sweep", "-j", "ACCEPT"},
		{"PREROUTING", "-t", "nat", "-p", "tcp", "--dport", "80", "-j", "DNAT", "--to-destination", "10.82.0.2:80"},
	}
	for _, rule := range theirs {
		iptables(t, append([]string{"-A"}, rule...)...)
		t.Cleanup(func() { iptables(t, append([]string{"-D"}, rule...)...) })
	}
	before := iptables(t, "-S") + iptables(t, "-S", "-t", "nat") + iptables(t, "-S", "-t", "raw")
	makeNetwork(t, root)

	require.NoError(t, sweep([]string{root}))

	require.Equal(t, before, iptables(t, "-S")+iptables(t, "-S", "-t", "nat")+iptables(t, "-S", "-t", "raw"))
	_, err := net.InterfaceByName("br-sweep")
	require.Error(t, err, "the bridge is gone")
	_, err = net.InterfaceByName("br-sweeper")
	require.NoError(t, err, "and only this one")
	require.NoDirExists(t, root)
}

func TestSweepLeavesWhatADamagedNetworkNames(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	for _, record := range []string{"", "{}", `{"Bridge":"lo","Subnet":"10.81.0.0/24"}`, `{"Bridge":"br-sweep","Subnet":"0.0.0.0/0"}`} {
		root := filepath.Join(t.TempDir(), "root")
		folder := filepath.Join(root, "networks", "web")
		require.NoError(t, os.MkdirAll(folder, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "network.json"), []byte(record), 0o600))

		err := sweep([]string{root})

		require.ErrorContains(t, err, "network.json", record)
		require.DirExists(t, root)
	}
}
