package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// networkOf makes a network of the test's state root by command, and removes it at
// the end, when its containers are gone.
func networkOf(t *testing.T, subnet string) (name string) {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.IPTables)
	name = testbed.Name(t)
	result := testbed.Run(t, testbed.Build(t, "."), "network", "create", "--root", rootOf(t), "--subnet", subnet, name)
	require.Equal(t, testbed.Result{Stdout: name + "\n"}, result)
	t.Cleanup(func() {
		result := testbed.Run(t, testbed.Build(t, "."), "network", "rm", "--root", rootOf(t), name)
		require.Equal(t, testbed.Result{Stdout: name + "\n"}, result)
	})
	return name
}

// server starts a container that says its name at port 80, in the background.
func server(t *testing.T, network string, flags ...string) (name string) {
	t.Helper()
	name = detached(t, append(flags, "--net", network), "sh", "-c", `hostname > /index.html; exec httpd -h /`)
	testbed.Eventually(t, "the server to listen", func() bool { return strings.Contains(tool(t, "logs", name).Stdout, "listening") })
	return name
}

func containerAddress(t *testing.T, name string) string {
	t.Helper()
	record, err := loadRecord(rootOf(t), name)
	require.NoError(t, err)
	require.NotNil(t, record.Endpoint)
	return record.Endpoint.Address.Addr().String()
}

func TestContainerIsInItsNetwork(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	name := detached(t, []string{"--net", network}, "sleep", "1000")

	require.Equal(t, "10.81.0.2", containerAddress(t, name))
	seen := tool(t, "exec", name, "sh", "-c", "ip addr; ip route").Stdout
	require.Contains(t, seen, "inet 10.81.0.2/24")
	require.Contains(t, seen, "default via 10.81.0.1 dev eth0")
	require.Zero(t, tool(t, "exec", name, "ping", "-c", "1", "-W", "5", "10.81.0.1").Code)
}

// Programs expect to reach themselves at 127.0.0.1, in a network or not.
func TestLoopbackIsUp(t *testing.T) {
	result := runContainer(t, "ping", "-c", "1", "-W", "5", "127.0.0.1")

	require.Zero(t, result.Code, result.Stdout+result.Stderr)
}

func TestContainersAskEachOther(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	web := server(t, network, "--hostname", "web")

	result := container(t, []string{"--net", network}, "wget", "-q", "-O", "-", "http://"+containerAddress(t, web)+"/").Run(t)

	require.Equal(t, testbed.Result{Stdout: "web\n"}, result)
}

// The outside has no route to the container: it answers because it takes the
// container for the host.
func TestContainerAsksTheOutside(t *testing.T) {
	outside := testbed.NewOutside(t)
	network := networkOf(t, "10.81.0.0/24")
	listener := outside.Listen("tcp4", "192.0.2.2:80")
	asker := make(chan string, 1)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			asker <- err.Error()
			return
		}
		defer connection.Close()
		host, _, _ := net.SplitHostPort(connection.RemoteAddr().String())
		asker <- host
		_, _ = connection.Read(make([]byte, 1000)) // an end of what was not read is a reset
		_, _ = connection.Write([]byte("HTTP/1.0 200 OK\r\n\r\nhello\n"))
	}()

	result := container(t, []string{"--net", network}, "wget", "-q", "-O", "-", "http://192.0.2.2/").Run(t)

	require.Equal(t, testbed.Result{Stdout: "hello\n"}, result)
	require.Equal(t, "192.0.2.1", <-asker)
}

func TestPublishedPortLeadsToTheContainer(t *testing.T) {
	outside := testbed.NewOutside(t)
	network := networkOf(t, "10.81.0.0/24")
	server(t, network, "--hostname", "web", "-p", "8080:80")

	for name, ask := range map[string]struct {
		where   func(func())
		address string
	}{
		"from the outside":              {outside.Do, "192.0.2.1:8080"},
		"from the host, by its address": {func(do func()) { do() }, "192.0.2.1:8080"},
		"from the host, at 127.0.0.1":   {func(do func()) { do() }, "127.0.0.1:8080"},
	} {
		ask.where(func() {
			connection, err := net.DialTimeout("tcp4", ask.address, 10*time.Second)
			require.NoError(t, err, name)
			defer connection.Close()
			require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = connection.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
			require.NoError(t, err, name)
			answer := make([]byte, 1000)
			length, err := connection.Read(answer)
			require.NoError(t, err, name)
			require.Contains(t, string(answer[:length]), "web\n", name)
		})
	}
	byContainer := container(t, []string{"--net", network}, "wget", "-q", "-O", "-", "http://192.0.2.1:8080/").Run(t)
	require.Equal(t, testbed.Result{Stdout: "web\n"}, byContainer)
}

// However a container ends, its cable, its rules and its address go with it.
func TestNothingIsLeftOfANetworkedContainer(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	links, rules := linkNames(t), rulesNow(t)
	flags := []string{"--net", network, "-p", "8080:80", "-p", "5353:53/udp"}
	for name, end := range map[string]func(t *testing.T){
		"by itself": func(t *testing.T) { require.Zero(t, container(t, flags, "true").Run(t).Code) },
		"killed": func(t *testing.T) {
			process := container(t, flags, "sh", "-c", "echo ready; exec sleep 1000").Start(t)
			process.Expect("ready")
			endFromOutside(t, process)
		},
		"no such program": func(t *testing.T) { require.Equal(t, 127, container(t, flags, "nosuch").Run(t).Code) },
		"no such program, in the background": func(t *testing.T) {
			require.Equal(t, 127, container(t, append(flags, "-d"), "nosuch").Run(t).Code)
		},
		"stopped": func(t *testing.T) {
			require.Zero(t, tool(t, "stop", "-t", "0", detached(t, flags, "sleep", "1000")).Code)
		},
		"removed": func(t *testing.T) { require.Zero(t, tool(t, "rm", "-f", detached(t, flags, "sleep", "1000")).Code) },
		"its monitor killed, and removed": func(t *testing.T) {
			name := detached(t, flags, "sleep", "1000")
			record, err := loadRecord(rootOf(t), name)
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(record.Monitor.PID, syscall.SIGKILL))
			waitForEnd(t, name)
			require.Zero(t, tool(t, "rm", name).Code)
		},
	} {
		t.Run(name, func(t *testing.T) {
			end(t)

			require.Equal(t, links, linkNames(t))
			require.Equal(t, rules, rulesNow(t))
			left, err := filepath.Glob(filepath.Join(rootOf(t), "networks", network, "veth*"))
			require.NoError(t, err)
			require.Empty(t, left, "addresses")
		})
	}
}

func TestNetworkOfAContainerIsNotRemoved(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	name := detached(t, []string{"--net", network}, "sleep", "1000")

	result := testbed.Run(t, testbed.Build(t, "."), "network", "rm", "--root", rootOf(t), network)

	require.Equal(t, 125, result.Code)
	require.Equal(t, "mytinydocker: the network "+network+" is in use: remove its containers first\n", result.Stderr)
	require.Zero(t, tool(t, "exec", name, "ping", "-c", "1", "-W", "5", "10.81.0.1").Code)
}

func TestBadNetworkOrPortIsRefusedBeforeAnythingChanges(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	detached(t, []string{"--name", "first", "--net", network, "-p", "8080:80"}, "sleep", "1000")
	links, rules := linkNames(t), rulesNow(t)
	for name, flags := range map[string][]string{
		"no such network":         {"--net", "nosuch"},
		"a path":                  {"--net", "../networks/" + network},
		"no network":              {"--net", ""},
		"a port without network":  {"-p", "8081:80"},
		"no port":                 {"--net", network, "-p", ""},
		"one port":                {"--net", network, "-p", "8081"},
		"port 0":                  {"--net", network, "-p", "0:80"},
		"a large port":            {"--net", network, "-p", "8081:65536"},
		"words":                   {"--net", network, "-p", "http:80"},
		"a rule":                  {"--net", network, "-p", "8081:80/tcp -j ACCEPT"},
		"a port given away twice": {"--net", network, "-p", "8081:80", "-p", "8081:81"},
		"a port of another":       {"--net", network, "-p", "8081:80", "-p", "8080:80"},
	} {
		for _, background := range [][]string{nil, {"-d"}} {
			result := container(t, append(flags, background...), "echo", "ran").Run(t)

			require.Equal(t, 125, result.Code, name)
			require.Empty(t, result.Stdout, name)
			requireOneLine(t, result.Stderr)
			require.Equal(t, links, linkNames(t), name)
			require.Equal(t, rules, rulesNow(t), name)
			left, err := os.ReadDir(filepath.Join(rootOf(t), "containers"))
			require.NoError(t, err)
			require.Len(t, left, 1, name)
		}
	}
}

func TestManyAtOnceHaveManyAddresses(t *testing.T) {
	network := networkOf(t, "10.81.0.0/28")
	results := make([]testbed.Result, 13) // that is all: .2 to .14
	var group sync.WaitGroup
	for index := range results {
		process := container(t, []string{"-d", "--net", network}, "sleep", "1000").Start(t)
		group.Go(func() { results[index] = process.Wait() })
	}
	group.Wait()
	for _, result := range results {
		if result.Code == 0 {
			t.Cleanup(func() { require.Zero(t, tool(t, "rm", "-f", strings.TrimSpace(result.Stdout)).Code) })
		}
	}

	addresses := make(map[string]bool)
	for _, result := range results {
		require.Zero(t, result.Code, result.Stderr)
		addresses[containerAddress(t, strings.TrimSpace(result.Stdout))] = true
	}
	require.Len(t, addresses, len(results))
	full := container(t, []string{"--net", network}, "echo", "ran").Run(t)
	require.Equal(t, 125, full.Code)
	require.Contains(t, full.Stderr, "10.81.0.0/28")
}

// The next container gets the same address, and may have the same port. It is not the
// end of the one before that is removed twice.
func TestRemovalTakesNothingFromTheNext(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	before := detached(t, []string{"--net", network, "-p", "8080:80"}, "true")
	waitForEnd(t, before)
	testbed.Eventually(t, "its port to be free", func() bool { return !strings.Contains(rulesNow(t), "8080") })
	server(t, network, "--hostname", "next", "-p", "8080:80")

	require.Zero(t, tool(t, "rm", before).Code)

	result := container(t, []string{"--net", network}, "wget", "-q", "-O", "-", "http://10.81.0.1:8080/").Run(t)
	require.Equal(t, testbed.Result{Stdout: "next\n"}, result)
}
