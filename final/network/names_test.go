package network

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// resolve looks a name up as a C library does that has files of hosts only.
func (g *guest) resolve(name string) []string {
	g.t.Helper()
	var found []string
	for line := range strings.Lines(g.hosts()) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		for _, word := range words[min(1, len(words)):] {
			if word == name {
				found = append(found, words[0])
			}
		}
	}
	return found
}

func TestContainersOfANetworkKnowEachOther(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	w.create("red", "10.2.0.0/24")
	web := w.newGuest("web")
	w.attach(web, nil, EndpointConfig{Network: "blue", Aliases: []string{"www", "api.example"}}, EndpointConfig{Network: "red", Aliases: []string{"rouge"}})
	blue, red := w.join("blue_one", nil, "blue"), w.join("red.one", nil, "red")
	stranger := w.join("stranger", nil, Default)

	for _, name := range []string{"web", "www", "api.example", web.ID[:12]} {
		require.Equal(t, []string{"10.1.0.2"}, blue.resolve(name))
	}
	require.Empty(t, blue.resolve("rouge"), "that is its name elsewhere")
	require.Empty(t, blue.resolve("red.one"))
	require.Equal(t, []string{"10.2.0.2"}, red.resolve("rouge"))
	require.Equal(t, []string{"10.1.0.3"}, web.resolve("blue_one"))
	require.Equal(t, []string{"10.2.0.3"}, web.resolve("red.one"))
	require.ElementsMatch(t, []string{"10.1.0.2", "10.2.0.2"}, web.resolve("web"))
	require.Equal(t, []string{stranger.address()}, stranger.resolve("stranger"), "itself")
	require.Empty(t, w.join("other", nil, Default).resolve("stranger"), "in the default network nobody knows anybody")
	require.Empty(t, stranger.resolve("other"))
}

// A start costs the same beside three hundred others as beside none.
func TestWhoKnowsNobodysNameLooksForNobody(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	w.join("one", nil, Default)
	w.join("painter", nil, "blue")
	asked := make(map[string]bool)
	alive := w.alive
	w.alive = func(id string) bool {
		asked[id] = true
		return alive(id)
	}

	other := w.join("other", nil, Default)
	require.NoError(t, w.Rename(other.ID, "another"))
	require.NoError(t, w.Detach(other.ID, true))

	require.Equal(t, map[string]bool{other.ID: true}, asked)
}

func TestNameFollowsTheAddress(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	one, other := w.join("one", nil, "blue"), w.join("other", nil, "blue")
	require.Equal(t, []string{"10.1.0.2"}, other.resolve("one"))

	require.NoError(t, w.Detach(one.ID, true))
	require.Empty(t, other.resolve("one"))
	again := w.newGuest("one")
	again.ID = one.ID
	w.attach(again, nil, EndpointConfig{Network: "blue"})

	require.Equal(t, []string{"10.1.0.4"}, other.resolve("one"))
	require.Equal(t, []string{"10.1.0.3"}, again.resolve("other"))
	w.kill(again)
	third := w.join("third", nil, "blue")
	require.Empty(t, other.resolve("one"), "the dead have no name")
	require.Empty(t, third.resolve("one"))
}

func TestNameFollowsARenaming(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	one, other := w.join("one", nil, "blue"), w.join("other", nil, "blue")

	require.NoError(t, w.Rename(one.ID, "first"))

	require.Empty(t, other.resolve("one"))
	require.Equal(t, []string{"10.1.0.2"}, other.resolve("first"))
	require.Equal(t, []string{"10.1.0.2"}, one.resolve("first"))
	require.Error(t, w.Rename(one.ID, "a b"))
	require.NoError(t, w.Rename("nobody", "any"))
}

// Two containers with one alias are both behind it.
func TestAliasMayBeShared(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	for _, name := range []string{"one", "two"} {
		w.attach(w.newGuest(name), nil, EndpointConfig{Network: "blue", Aliases: []string{"db"}})
	}

	require.Equal(t, []string{"10.1.0.2", "10.1.0.3"}, w.join("client", nil, "blue").resolve("db"))
}

// The file is mounted in the container: it stays the same one, and what a program there
// has written stays in it.
func TestFileOfHostsStaysItself(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	one := w.join("one", nil, "blue")
	before, err := os.Stat(one.HostsFile)
	require.NoError(t, err)
	file, err := os.OpenFile(one.HostsFile, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("192.0.2.9\tmine") // without a newline
	require.NoError(t, err)
	require.NoError(t, file.Close())

	other := w.join("other", nil, "blue")
	require.NoError(t, w.Detach(other.ID, true))

	after, err := os.Stat(one.HostsFile)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
	require.Equal(t, "127.0.0.1\tlocalhost\n"+hostsBegin+"10.1.0.2\t"+one.Hostname+"\tone\n"+hostsEnd+"192.0.2.9\tmine\n", one.hosts())
	require.NoError(t, w.Detach(one.ID, true))
	require.Equal(t, "127.0.0.1\tlocalhost\n192.0.2.9\tmine\n", one.hosts())
}

// A container's file of hosts belongs to it. What it makes of that is its own affair.
func TestSpoiltFileOfHostsHarmsNobody(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	secret := testbed.StateRoot(t) + "/secret"
	require.NoError(t, os.WriteFile(secret, []byte("secret\n"), 0o600))
	for name, spoil := range map[string]func(path string) error{
		"removed": os.Remove,
		"a link": func(path string) error {
			return orderly(os.Remove(path), func() error { return os.Symlink(secret, path) })
		},
		"a folder": func(path string) error {
			return orderly(os.Remove(path), func() error { return os.Mkdir(path, 0o700) })
		},
		"too long": func(path string) error { return os.Truncate(path, maxHosts+1) },
		"no end":   func(path string) error { return os.WriteFile(path, []byte(hostsBegin+"10.1.0.7\tx\n"), 0o600) },
	} {
		bad := w.join("bad", nil, "blue")
		require.NoError(t, spoil(bad.HostsFile), name)

		good := w.join("good", nil, "blue")

		require.NotEmpty(t, good.resolve("bad"), name)
		require.NoError(t, w.Detach(bad.ID, true), name)
		require.NoError(t, w.Detach(good.ID, true), name)
	}
	content, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "secret\n", string(content))
}

func orderly(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// Whoever reads while others come and go finds every line that was always there.
func TestReaderOfHostsMissesNothing(t *testing.T) {
	path := testbed.StateRoot(t) + "/hosts"
	const own = "127.0.0.1\tlocalhost\n"
	require.NoError(t, os.WriteFile(path, []byte(own), 0o600))
	block := func(count int) string {
		text := "10.1.0.2\tone\n"
		for number := range count {
			text += fmt.Sprintf("10.1.0.%d\tother-%d\n", number+3, number)
		}
		return text
	}
	require.NoError(t, replaceHosts(path, block(0)))
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			content, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(content), own) || !strings.Contains(string(content), "10.1.0.2\tone\n") {
				t.Errorf("read %q, %v", content, err)
				return
			}
		}
	})
	for number := range 2000 {
		require.NoError(t, replaceHosts(path, block(number*7%40)))
	}
	close(done)
	group.Wait()
}

func TestConnectAndDisconnectOfARunningContainer(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		w.create("red", "10.2.0.0/24")
		outside := testbed.NewOutside(t)
		for _, protocol := range protocols {
			serve(t, outside.Do, protocol, "0.0.0.0:80", "outside")
		}
		web := w.join("web", []string{"8080:80"}, "blue")
		red := w.join("red_one", nil, "red")
		serve(t, web.inside, "tcp", "0.0.0.0:80", "web")

		endpoint, err := w.Connect(web.Sandbox, EndpointConfig{Network: "red", IP: address("10.2.0.9"), Aliases: []string{"www"}})
		require.NoError(t, err)
		require.Equal(t, []string{"eth0 10.1.0.2/24", "eth1 10.2.0.9/24"}, web.interfaces())
		require.Equal(t, "eth1", endpoint.Interface)
		require.Equal(t, []string{"10.2.0.9"}, red.resolve("www"))
		requireAnswer(t, "web saw 10.2.0.2", red.inside, "tcp", "10.2.0.9:80")
		_, err = w.Connect(web.Sandbox, EndpointConfig{Network: "red"})
		require.ErrorContains(t, err, "already")

		// The way to the world, and the port, are in the other one now.
		require.NoError(t, w.Disconnect(web.Sandbox, "blue"))
		require.Equal(t, []string{"eth1 10.2.0.9/24"}, web.interfaces())
		for _, protocol := range protocols {
			requireAnswer(t, "outside saw 192.0.2.1", web.inside, protocol, "192.0.2.2:80")
		}
		requireAnswer(t, "web saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
		require.ErrorContains(t, w.Disconnect(web.Sandbox, "blue"), "web: it is not in the network blue")
		require.ErrorIs(t, w.Disconnect(web.Sandbox, "green"), ErrNotFound)

		require.NoError(t, w.Disconnect(web.Sandbox, "red"))
		require.Empty(t, web.interfaces())
		require.Empty(t, red.resolve("www"))
		_, err = w.Connect(web.Sandbox, EndpointConfig{Network: "blue"})
		require.NoError(t, err)
		require.Equal(t, []string{"eth0 10.1.0.3/24"}, web.interfaces())
		requireAnswer(t, "outside saw 192.0.2.1", web.inside, "tcp", "192.0.2.2:80")
	})
}
