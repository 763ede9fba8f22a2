package network

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPortsAreParsed(t *testing.T) {
	all, home := PortMapping{}.HostIP, address("127.0.0.1")
	for text, want := range map[string][]PortMapping{
		"80":                         {{all, 0, 0, 80, "tcp"}},
		"80/udp":                     {{all, 0, 0, 80, "udp"}},
		"8080:80":                    {{all, 8080, 8080, 80, "tcp"}},
		":80":                        {{all, 0, 0, 80, "tcp"}},
		"0.0.0.0:8080:80":            {{all, 8080, 8080, 80, "tcp"}},
		"127.0.0.1:8080:80/udp":      {{home, 8080, 8080, 80, "udp"}},
		"127.0.0.1::80":              {{home, 0, 0, 80, "tcp"}},
		"8000-8001:80-81":            {{all, 8000, 8000, 80, "tcp"}, {all, 8001, 8001, 81, "tcp"}},
		"8000-8009:80":               {{all, 8000, 8009, 80, "tcp"}},
		"80-81":                      {{all, 0, 0, 80, "tcp"}, {all, 0, 0, 81, "tcp"}},
		"65535:65535":                {{all, 65535, 65535, 65535, "tcp"}},
		"127.0.0.1:9-10:65534-65535": {{home, 9, 9, 65534, "tcp"}, {home, 10, 10, 65535, "tcp"}},
	} {
		mappings, err := ParsePorts(text)

		require.NoError(t, err, text)
		require.Equal(t, want, mappings, text)
	}
}

func TestBadPortsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "no number",
		"http":              "no number",
		"0:80":              "no number",
		"80:0":              "no number",
		"80:65536":          "no number",
		"+80:80":            "no number",
		" 80:80":            "no number",
		"80:80/sctp":        "tcp or udp",
		"80:80/":            "tcp or udp",
		"80/tcp/udp":        "tcp or udp",
		"[::1]:80:80":       "IPv4",
		"::1:80:80":         "IPv4",
		"localhost:80:80":   "no IPv4 address",
		"1.2.3:80:80":       "no IPv4 address",
		"8001-8000:80-81":   "before it begins",
		"8000-8002:80-81":   "3 ports of the host and 2",
		"8000:80-81":        "1 ports of the host and 2",
		"80-":               "no number",
		"1-65535":           "at most 1024",
		"-j:80":             "no number",
		"80:80\n-A INPUT":   "no number",
		"127.0.0.1:80:80-0": "no number",
	} {
		_, err := ParsePorts(text)

		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "\n")
	}
}

func FuzzParsePorts(f *testing.F) {
	for _, text := range []string{"80", "127.0.0.1:8000-8010:80-90/udp", "::80", "1-2:3-4", "[::1]:80:80", "//", "0.0.0.0:1:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mappings, err := ParsePorts(text)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.NotEmpty(t, mappings)
		for _, mapping := range mappings {
			require.NotZero(t, mapping.Container)
			require.LessOrEqual(t, mapping.Host, mapping.HostLast)
			require.Contains(t, []string{"tcp", "udp"}, mapping.Protocol)
		}
	})
}

func TestBindingIsPrinted(t *testing.T) {
	require.Equal(t, "0.0.0.0:8080->80/tcp", Binding{Host: 8080, Container: 80, Protocol: "tcp"}.String())
	require.Equal(t, "127.0.0.1:53->5353/udp", Binding{HostIP: address("127.0.0.1"), Host: 53, Container: 5353, Protocol: "udp"}.String())
}

// Another program may have a port, or another container, or this one twice.
func TestPortsAreReservedAllOrNone(t *testing.T) {
	for _, protocol := range []string{"tcp", "udp"} {
		first, err := reserve([]PortMapping{{Container: 80, Protocol: protocol}})
		require.NoError(t, err)
		taken := first.Bindings()[0]
		require.GreaterOrEqual(t, taken.Host, uint16(1024))
		require.Equal(t, Binding{Host: taken.Host, Container: 80, Protocol: protocol}, taken)
		free, err := reserve([]PortMapping{{Container: 81, Protocol: protocol}})
		require.NoError(t, err)
		port := free.Bindings()[0].Host
		free.Close()

		for _, ip := range []string{"", "127.0.0.1"} {
			again := PortMapping{Host: taken.Host, HostLast: taken.Host, Container: 80, Protocol: protocol}
			if ip != "" {
				again.HostIP = address(ip)
			}
			_, err = reserve([]PortMapping{{Host: port, HostLast: port, Container: 80, Protocol: protocol}, again})
			require.ErrorContains(t, err, "in use")
			require.ErrorContains(t, err, again.String())
		}

		twice := PortMapping{Host: port, HostLast: port, Container: 80, Protocol: protocol}
		_, err = reserve([]PortMapping{twice, twice})
		require.ErrorContains(t, err, "in use")
		free, err = reserve([]PortMapping{twice})
		require.NoError(t, err, "what was refused holds nothing")
		free.Close()
		first.Close()
		first.Close()
	}
}

func TestOneOfARangeIsReserved(t *testing.T) {
	some, err := reserve([]PortMapping{{Container: 80, Protocol: "tcp"}})
	require.NoError(t, err)
	defer some.Close()
	port := some.Bindings()[0].Host
	next, err := reserve([]PortMapping{{Host: port, HostLast: port + 20, Container: 80, Protocol: "tcp"}})

	require.NoError(t, err)
	defer next.Close()
	require.Greater(t, next.Bindings()[0].Host, port)
}

func TestPortOfAForeignAddressIsRefused(t *testing.T) {
	_, err := reserve([]PortMapping{{HostIP: address("192.0.2.77"), Host: 80, HostLast: 80, Container: 80, Protocol: "tcp"}})

	require.ErrorContains(t, err, "192.0.2.77")
	require.ErrorContains(t, err, "the host has no such address")
}
