package testbed

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

// networkNamespace is the one of the calling thread.
func networkNamespace(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink("/proc/thread-self/ns/net")
	require.NoError(t, err)
	return name
}

func TestOutsideIsAnotherHost(t *testing.T) {
	Require(t, Root)
	outside := NewOutside(t)

	server := outside.Listen("tcp", "192.0.2.2:80")
	client, err := net.Dial("tcp", "192.0.2.2:80")
	require.NoError(t, err)
	defer client.Close()
	accepted, err := server.Accept()
	require.NoError(t, err)
	defer accepted.Close()

	require.Equal(t, client.LocalAddr().String(), accepted.RemoteAddr().String())
	require.True(t, strings.HasPrefix(client.LocalAddr().String(), "192.0.2.1:"))
	_, err = net.Dial("tcp", "192.0.2.2:81")
	require.ErrorContains(t, err, "refused")
}

func TestOutsideSeesTheHost(t *testing.T) {
	Require(t, Root)
	outside := NewOutside(t)
	server, err := net.Listen("tcp", "192.0.2.1:0")
	require.NoError(t, err)
	defer server.Close()
	go func() {
		if connection, err := server.Accept(); err == nil {
			_, _ = io.WriteString(connection, connection.RemoteAddr().String())
			connection.Close()
		}
	}()

	var answer []byte
	outside.Do(func() {
		client, err := net.Dial("tcp", server.Addr().String())
		require.NoError(t, err)
		defer client.Close()
		answer, err = io.ReadAll(client)
		require.NoError(t, err)
	})

	require.True(t, strings.HasPrefix(string(answer), "192.0.2.2:"), string(answer))
}

// Without a route, what comes from elsewhere gets no answer: who wants one has to
// hide it behind 192.0.2.1.
func TestOutsideKnowsNoOtherNetworks(t *testing.T) {
	Require(t, Root)
	outside := NewOutside(t)
	elsewhere := netip.MustParsePrefix("10.1.0.0/16")
	dial := func() (err error) {
		outside.Do(func() { _, err = net.Dial("udp", "10.1.0.1:53") })
		return err
	}
	require.ErrorContains(t, dial(), "unreachable")

	outside.RouteTo(elsewhere)

	require.NoError(t, dial())
}

// Do is left by its end, by a failure and by a panic, and each time the thread is at home.
func TestDoComesBack(t *testing.T) {
	Require(t, Root)
	outside := NewOutside(t)
	home := networkNamespace(t)
	there := ""

	outside.Do(func() { there = networkNamespace(t) })
	require.NotEqual(t, home, there)
	require.Equal(t, home, networkNamespace(t))

	require.Panics(t, func() { outside.Do(func() { panic("planted") }) })
	require.Equal(t, home, networkNamespace(t))
}

func TestInNetworkOf(t *testing.T) {
	Require(t, Root)
	pid := NewNetwork(t)
	want, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	require.NoError(t, err)

	var got string
	var found []netlink.Link
	InNetworkOf(t, pid, func() {
		got = networkNamespace(t)
		found, err = netlink.LinkList()
	})

	require.Equal(t, want, got)
	require.NotEqual(t, networkNamespace(t), got)
	require.NoError(t, err)
	require.Len(t, found, 1, "a loopback and nothing else")
}

// The kernel removes a namespace a moment after its last user.
func TestOutsideGoesWithTheTest(t *testing.T) {
	Require(t, Root)
	before, err := Take()
	require.NoError(t, err)

	t.Run("with one", func(t *testing.T) {
		outside := NewOutside(t)
		outside.Listen("tcp", "192.0.2.2:80")
		NewNetwork(t)
	})

	leaks, err := before.leaks()
	require.NoError(t, err)
	require.Empty(t, leaks)
}
