package network

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// rulesNow is all that there is, of nftables and of iptables, without what changes with
// every packet.
func rulesNow(t *testing.T) string {
	t.Helper()
	connection, err := nftables.New()
	require.NoError(t, err)
	tables, err := connection.ListTablesOfFamily(nftables.TableFamilyIPv4)
	require.NoError(t, err)
	var all strings.Builder
	for _, table := range tables {
		if strings.HasPrefix(table.Name, "tinydocker-") {
			all.WriteString(tableNow(t, table))
		}
	}
	if _, err := findProgram("iptables"); err != nil {
		return all.String()
	}
	for _, table := range []string{"filter", "nat", "raw"} {
		result := testbed.Run(t, "iptables", "-t", table, "-S")
		require.Zero(t, result.Code, result.Stderr)
		all.WriteString(result.Stdout)
	}
	return all.String()
}

// flush does what a firewall does that is started: it throws away all rules.
func flush(t *testing.T) {
	t.Helper()
	connection, err := nftables.New()
	require.NoError(t, err)
	connection.FlushRuleset()
	require.NoError(t, connection.Flush())
}

func TestFlushedRulesAreRestored(t *testing.T) {
	repairs := map[string]func(t *testing.T, w *world){
		"by the next container": func(_ *testing.T, w *world) { w.join("next", nil, "blue") },
		"by reload":             func(t *testing.T, w *world) { require.NoError(t, w.Reload()) },
	}
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		web := w.join("web", []string{"8080:80"}, "blue")
		serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
		serve(t, outside.Do, "tcp", "0.0.0.0:80", "outside")
		rules := rulesNow(t)
		for how, repair := range repairs {
			flush(t)
			requireNoAnswer(t, outside.Do, "tcp", "192.0.2.1:8080")

			repair(t, w)

			require.Equal(t, rules, rulesNow(t), how)
			requireAnswer(t, "web saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
			requireAnswer(t, "outside saw 192.0.2.1", web.inside, "tcp", "192.0.2.2:80")
		}
		for range 10 {
			require.NoError(t, w.applyRules(true))
		}
		require.Equal(t, rules, rulesNow(t), "nothing is there twice")
	})
}

// One rule is missing, or one jump; nobody would see that by the number of chains.
func TestSingleRuleIsRestored(t *testing.T) {
	w := newWorld(t, iptablesBackend)
	w.create("blue", "10.1.0.0/24")
	w.join("web", []string{"8080:80"}, "blue")
	rules := rulesNow(t)
	name := "TD-" + w.tag + "-"
	for _, change := range [][]string{
		{"-t", "nat", "-F", name + "IN"},
		{"-t", "nat", "-D", "OUTPUT", "-j", name + "OUT"},
		{"-t", "filter", "-A", "FORWARD", "-j", name + "FORWARD"},
		{"-t", "filter", "-D", name + "FORWARD", "1"},
		{"-t", "raw", "-I", name + "SPOOFED", "-j", "ACCEPT"},
	} {
		require.Zero(t, testbed.Run(t, "iptables", change...).Code)

		require.NoError(t, w.Detach(w.join("next", nil, "blue").ID, true))

		require.Equal(t, rules, rulesNow(t), "%v", change)
	}
}

// What others have, and where an administrator has put it, stays.
func TestRulesOfOthersStay(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	bothBackends(t, func(t *testing.T, w *world) {
		others := [][]string{{"FORWARD", "-i", "nosuch0", "-j", "DROP"}, {"FORWARD", "-i", "nosuch1", "-j", "ACCEPT"}}
		require.Zero(t, testbed.Run(t, "iptables", "-P", "FORWARD", "DROP").Code)
		require.Zero(t, testbed.Run(t, "iptables", append([]string{"-A"}, others[0]...)...).Code)
		defer func() {
			require.Zero(t, testbed.Run(t, "iptables", append([]string{"-D"}, others[0]...)...).Code)
			require.Zero(t, testbed.Run(t, "iptables", "-P", "FORWARD", "ACCEPT").Code)
		}()
		before := rulesNow(t)
		w.create("blue", "10.1.0.0/24")
		require.Zero(t, testbed.Run(t, "iptables", append([]string{"-I"}, others[1]...)...).Code)
		w.join("web", []string{"8080:80"}, "blue")
		require.NoError(t, w.Reload())

		result := testbed.Run(t, "iptables", "-S", "FORWARD")
		require.Regexp(t, `(?s)^-P FORWARD DROP\n-A FORWARD -i nosuch1 -j ACCEPT\n.*\n-A FORWARD -i nosuch0 -j DROP\n`, result.Stdout)

		require.Zero(t, testbed.Run(t, "iptables", append([]string{"-D"}, others[1]...)...).Code)
		w.end()
		require.Equal(t, before, rulesNow(t))
	})
}

func TestRemovedBridgeIsRestored(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		network := w.create("blue", "10.1.0.0/24")
		outside := testbed.NewOutside(t)
		web, other := w.join("web", []string{"8080:80"}, "blue"), w.join("other", nil, "blue")
		serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
		links, rules := linksNow(t), rulesNow(t)
		for name, damage := range map[string]func(bridge netlink.Link) error{
			"removed":  netlink.LinkDel,
			"set down": netlink.LinkSetDown,
			"without its address": func(bridge netlink.Link) error {
				return netlink.AddrDel(bridge, &netlink.Addr{IPNet: ipNet(prefix("10.1.0.1/24"))})
			},
			"without its cables": func(netlink.Link) error {
				cable, err := netlink.LinkByName(web.endpoints[0].Link)
				require.NoError(t, err)
				require.NoError(t, netlink.LinkSetDown(cable))
				return netlink.LinkSetNoMaster(cable)
			},
			"and the host forwards nothing": func(netlink.Link) error { return writeSetting("/proc/sys/net/ipv4/ip_forward", "0") },
		} {
			bridge, err := netlink.LinkByName(network.Bridge)
			require.NoError(t, err)
			require.NoError(t, damage(bridge))

			require.NoError(t, w.Reload())

			require.Equal(t, links, linksNow(t), name)
			require.Equal(t, rules, rulesNow(t), name)
			requireAnswer(t, "web saw 10.1.0.3", other.inside, "tcp", web.at(80))
			requireAnswer(t, "web saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
			requireAnswer(t, "web saw 10.1.0.1", onHost, "tcp", "127.0.0.1:8080")
		}
	})
}

// The next container restores the bridge for those who were there before.
func TestNextContainerRestoresTheBridge(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	network := w.create("blue", "10.1.0.0/24")
	web := w.join("web", nil, "blue")
	serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
	bridge, err := netlink.LinkByName(network.Bridge)
	require.NoError(t, err)
	require.NoError(t, netlink.LinkDel(bridge))

	next := w.join("next", nil, "blue")

	requireAnswer(t, "web saw "+next.address(), next.inside, "tcp", web.at(80))
}

// After a boot there is what is below Root, and nothing else: no links, no rules, and no
// containers; and what is below Run may be there if that is on a disk.
func TestBootFreesEverything(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		w.create("tiny", "10.1.0.0/30")
		w.kill(w.join("web", []string{"8080:80"}, "tiny"))
		flush(t)
		bridge, err := netlink.LinkByName(w.inspect("tiny").Bridge)
		require.NoError(t, err)
		require.NoError(t, netlink.LinkDel(bridge))
		require.NoError(t, writeSetting("/proc/sys/net/ipv4/ip_forward", "0"))
		old := w.run
		require.NoError(t, os.Rename(old, w.options.Run+"/networks/another-boot"))
		w.options.Alive = nil // so it is not by that
		w.Networks, err = Open(w.options)
		require.NoError(t, err)

		require.NoDirExists(t, w.options.Run+"/networks/another-boot")
		require.Equal(t, "10.1.0.2", w.join("next", nil, "tiny").address())
		require.NotContains(t, rulesNow(t), "8080")
	})
}

func (w *world) inspect(name string) *Details {
	w.t.Helper()
	details, err := w.Inspect(name)
	require.NoError(w.t, err)
	return details
}

// Who has rules of iptables gets ours there, where he looks for them.
func TestBackendIsTheOneThatTheHostUses(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables, testbed.NFTables)
	flush(t)
	w := newWorld(t, nftablesBackend)
	w.backend = ""
	chosen, err := w.choose()
	require.NoError(t, err)
	require.Equal(t, nftablesBackend, chosen, "nobody uses iptables")
	w.create("blue", "10.1.0.0/24")
	web := w.join("web", []string{"8080:80"}, "blue")
	serve(t, web.inside, "tcp", "0.0.0.0:80", "web")
	require.Zero(t, testbed.Run(t, "iptables", "-A", "FORWARD", "-i", "nosuch", "-j", "DROP").Code)
	defer func() {
		require.Zero(t, testbed.Run(t, "iptables", "-D", "FORWARD", "-i", "nosuch", "-j", "DROP").Code)
	}()
	chosen, err = w.choose()
	require.NoError(t, err)
	require.Equal(t, iptablesBackend, chosen)

	w.join("other", nil, "blue")
	require.NotContains(t, rulesNow(t), "TD-", "it does not change by itself")
	require.NoError(t, w.Reload())

	require.Contains(t, rulesNow(t), "TD-"+w.tag)
	require.NotContains(t, rulesNow(t), "tinydocker-")
	requireAnswer(t, "web saw 10.1.0.1", onHost, "tcp", "127.0.0.1:8080")
	path, err := findProgram("iptables-restore")
	require.NoError(t, err)
	t.Setenv("PATH", "/nowhere")
	again, err := findProgram("iptables-restore")
	require.NoError(t, err, "it is where such programs are")
	t.Setenv("PATH", filepath.Dir(path)) // for what is done at the end
	require.Equal(t, filepath.Base(path), filepath.Base(again))
}

// Two tools with other roots on one machine know nothing of each other.
func TestRootsAreApart(t *testing.T) {
	bothBackends(t, func(t *testing.T, w *world) {
		outside := testbed.NewOutside(t)
		other := newWorld(t, w.backend)
		w.create("blue", "10.1.0.0/24")
		other.create("blue", "10.2.0.0/24")
		one, two := w.join("one", []string{"8080:80"}, "blue"), other.join("two", []string{"9090:80"}, "blue")
		serve(t, one.inside, "tcp", "0.0.0.0:80", "one")
		serve(t, two.inside, "tcp", "0.0.0.0:80", "two")
		for range 2 {
			requireAnswer(t, "one saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:8080")
			requireAnswer(t, "two saw 192.0.2.2", outside.Do, "tcp", "192.0.2.1:9090")
			requireNoAnswer(t, one.inside, "tcp", two.at(80))
			require.NoError(t, w.Reload())
		}
	})
}

// tableNow lists the rules of a table.
func tableNow(t *testing.T, table *nftables.Table) string {
	t.Helper()
	connection, err := nftables.New()
	require.NoError(t, err)
	chains, err := connection.ListChainsOfTableFamily(table.Family)
	require.NoError(t, err)
	var all strings.Builder
	for _, chain := range chains {
		if chain.Table.Name != table.Name {
			continue
		}
		rules, err := connection.GetRules(chain.Table, chain)
		require.NoError(t, err)
		for _, rule := range rules {
			all.WriteString(table.Name + " " + chain.Name + describe(rule) + "\n")
		}
	}
	return all.String()
}

// Whoever changes a record writes the rules anew, unless somebody kills it in between:
// then that is done by whoever takes care of the container or the networks next.
func TestRulesThatSomebodyWasKilledBeforeAreWritten(t *testing.T) {
	t.Run("a container has left", func(t *testing.T) {
		w := newWorld(t, nftablesBackend)
		network := w.create("blue", "10.1.0.0/24")
		rules := rulesNow(t)
		web := w.join("web", []string{"8080:80"}, "blue")
		endpoint, err := w.endpoint(network, web.ID)
		require.NoError(t, err)
		endpoint.Ports = nil
		require.NoError(t, w.change(func() error { return w.saveEndpoint(network, endpoint) }))

		require.NoError(t, w.Detach(web.ID, true))

		require.Equal(t, rules, rulesNow(t))
	})
	t.Run("a network was removed", func(t *testing.T) {
		w := newWorld(t, nftablesBackend)
		w.create("blue", "10.1.0.0/24")
		rules := rulesNow(t)
		red := w.create("red", "10.2.0.0/24")
		require.NoError(t, w.removeBridge(red))
		require.NoError(t, w.change(func() error { return os.Remove(w.recordPath("red")) }))

		_, err := w.Prune(func(string) bool { return true })
		require.NoError(t, err)

		require.Equal(t, rules, rulesNow(t))
	})
}

// Or else somebody applies rules between a change of the records and the note that these
// have changed, and they are taken for the new ones.
func TestNobodyAppliesRulesWhileRecordsChange(t *testing.T) {
	w := newWorld(t, nftablesBackend)
	w.create("blue", "10.1.0.0/24")
	err := w.change(func() error {
		rules, err := os.Open(w.rulesPath())
		require.NoError(t, err)
		defer rules.Close()
		require.ErrorIs(t, unix.Flock(int(rules.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
		_, applied := readStamp(rules)
		require.Zero(t, applied)
		return os.ErrInvalid
	})
	require.ErrorIs(t, err, os.ErrInvalid)
}
