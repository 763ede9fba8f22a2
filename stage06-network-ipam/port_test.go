package main

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func TestPortsAreParsed(t *testing.T) {
	for text, want := range map[string]Port{
		"8080:80":     {Host: 8080, Container: 80, Protocol: "tcp"},
		"8080:80/tcp": {Host: 8080, Container: 80, Protocol: "tcp"},
		"53:5353/udp": {Host: 53, Container: 5353, Protocol: "udp"},
		"1:65535":     {Host: 1, Container: 65535, Protocol: "tcp"},
		"65535:1/udp": {Host: 65535, Container: 1, Protocol: "udp"},
	} {
		port, err := parsePort(text)
		require.NoError(t, err)
		require.Equal(t, want, port, text)
	}
	for _, text := range []string{
		"", ":", "80", "8080:", ":80", "0:80", "80:0", "65536:80", "80:65536", "-1:80", "+80:80", "80:+80", " 80:80", "80:80 ", "80: 80",
		"0x50:80", "8_0:80", "eighty:80", "127.0.0.1:80:80", "80:80:80", "80:80/", "80:80/sctp", "80:80/TCP", "80:80/tcp/udp", "80/tcp:80", "80:80\n",
		"99999999999999999999:80", "８０:80",
	} {
		_, err := parsePort(text)
		require.ErrorContains(t, err, "port", "%q", text)
	}
}

func TestPortIsPublishedOnce(t *testing.T) {
	ports, err := portsOf([]string{"80:80", "80:80/udp", "81:80"})
	require.NoError(t, err)
	require.Len(t, ports, 3)

	_, err = portsOf([]string{"80:80", "81:81", "80:82/tcp"})
	require.ErrorContains(t, err, "80")
	_, err = portsOf([]string{"80:80", "bad"})
	require.ErrorContains(t, err, `"bad"`)
}

func TestPortThatIsTakenIsRefused(t *testing.T) {
	testbed.Require(t, testbed.Root)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	taken := uint16(listener.Addr().(*net.TCPAddr).Port)

	_, err = reservePorts([]Port{{Host: 12345, Container: 80, Protocol: "tcp"}, {Host: taken, Container: 80, Protocol: "tcp"}})

	require.ErrorIs(t, err, unix.EADDRINUSE)
	require.ErrorContains(t, err, "port")
	for _, free := range []Port{{Host: taken, Container: 80, Protocol: "udp"}, {Host: 12345, Container: 80, Protocol: "tcp"}} {
		release, err := reservePorts([]Port{free})
		require.NoError(t, err, "%v", free)
		release()
	}
}

// Two containers, and nobody else: as long as one has the port, no other gets it.
func TestPortIsReserved(t *testing.T) {
	testbed.Require(t, testbed.Root)
	for _, protocol := range []string{"tcp", "udp"} {
		ports := []Port{{Host: 12345, Container: 80, Protocol: protocol}}
		release, err := reservePorts(ports)
		require.NoError(t, err)
		_, err = reservePorts(ports)
		require.ErrorIs(t, err, unix.EADDRINUSE)

		release()

		release, err = reservePorts(ports)
		require.NoError(t, err)
		release()
	}
}
