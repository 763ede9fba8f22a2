package network

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// hostHas has the host have another file, for the time of a test.
func hostHas(t *testing.T, path, content string) {
	t.Helper()
	testbed.Require(t, testbed.Root)
	source := filepath.Join(testbed.StateRoot(t), "file")
	require.NoError(t, os.WriteFile(source, []byte(content), 0o644))
	require.NoError(t, unix.Mount(source, path, "", unix.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(path, 0)) })
}

func TestContainerAsksWhomTheHostAsks(t *testing.T) {
	hostHas(t, "/etc/resolv.conf", "# a comment\nnameserver 192.0.2.53\nnameserver 127.0.0.53\nsearch old.example\nsearch one.example two.example\noptions ndots:2\n")

	require.Equal(t, "nameserver 192.0.2.53\nsearch one.example two.example\noptions ndots:2\n", string((&Names{}).ResolvConf()))
	own := &Names{Servers: []string{"198.51.100.53", "fd00::53"}, Search: []string{"."}, Options: []string{"edns0"}}
	require.NoError(t, own.Check())
	require.Equal(t, "nameserver 198.51.100.53\nnameserver fd00::53\noptions edns0\n", string(own.ResolvConf()))
	require.Equal(t, "nameserver 127.0.0.1\nsearch my.example\noptions ndots:2\n",
		string((&Names{Servers: []string{"127.0.0.1"}, Search: []string{"my.example"}}).ResolvConf()), "who asks for it gets it")
}

// At 127.0.0.53 of a container there is nobody.
func TestLocalResolverIsOnlyTheHosts(t *testing.T) {
	hostHas(t, "/etc/resolv.conf", "nameserver 127.0.0.53\n")

	require.NotContains(t, string((&Names{}).ResolvConf()), "127.0.0.53")
}

func TestHostsFileHasWhatTheUserSays(t *testing.T) {
	names := &Names{Hosts: []string{"db:192.0.2.7", "six:fd00::1", "seven:[fd00::7]", "eq=192.0.2.8", "host.docker.internal:host-gateway"}}
	require.NoError(t, names.Check())

	content, err := names.HostsFile(address("10.1.0.1"))

	require.NoError(t, err)
	require.Equal(t, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n192.0.2.7\tdb\nfd00::1\tsix\nfd00::7\tseven\n192.0.2.8\teq\n10.1.0.1\thost.docker.internal\n", string(content))
	_, err = names.HostsFile(netip.Addr{})
	require.ErrorContains(t, err, "no gateway")
}

func TestBadNamesAreRefused(t *testing.T) {
	for _, names := range []Names{
		{Servers: []string{"dns.example"}}, {Servers: []string{"192.0.2.1\nnameserver 192.0.2.2"}}, {Search: []string{"a b"}},
		{Search: []string{""}}, {Options: []string{"a\nb"}}, {Hosts: []string{"db"}}, {Hosts: []string{"db:nowhere"}},
		{Hosts: []string{":192.0.2.1"}}, {Hosts: []string{"a b:192.0.2.1"}}, {Hosts: []string{"db:192.0.2.1\n192.0.2.2 x"}},
		{Hosts: []string{"db:fe80::1%eth0"}},
	} {
		err := names.Check()

		require.Error(t, err, "%v", names)
		require.NotContains(t, err.Error(), "\n")
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("127.0.0.1\tlocalhost\n", "10.0.0.2\tone\n")
	f.Add(hostsBegin, "")
	f.Add(strings.TrimSuffix(hostsBegin, "\n"), "10.0.0.2\tone\n")
	f.Add(hostsBegin+"x"+hostsEnd+"y", "10.0.0.2\tone\n")
	f.Fuzz(func(t *testing.T, old, block string) {
		if strings.Contains(block, "#") || block != "" && !strings.HasSuffix(block, "\n") {
			return // none of ours
		}
		once := string(withBlock([]byte(old), block))
		twice := string(withBlock([]byte(once), block))
		require.Equal(t, once, twice)
		require.Contains(t, once, block)
	})
}
