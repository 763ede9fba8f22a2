package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// Compared is what iptables makes of the rules: in which order the words of one stand
// is free. Ours are at the top, before those that are there already.
func TestRulesOfAPort(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	before := &Endpoint{Address: netip.MustParsePrefix("10.1.0.8/24"), Ports: []Port{{Host: 8080, Container: 80, Protocol: "tcp"}}}
	endpoint := &Endpoint{Address: netip.MustParsePrefix("10.1.0.7/24"), Ports: []Port{{Host: 8080, Container: 80, Protocol: "tcp"}, {Host: 53, Container: 5353, Protocol: "udp"}}}
	for _, owner := range []*Endpoint{before, endpoint} {
		require.NoError(t, addRules(portRules(owner)))
		defer func() { require.NoError(t, removeRules(portRules(owner))) }()
	}

	all := rulesNow(t)

	var added []string
	for line := range strings.Lines(all) {
		if strings.Contains(line, " 10.1.0.7:") {
			added = append(added, inAnyOrder(line))
		}
	}
	require.ElementsMatch(t, []string{
		inAnyOrder("-A PREROUTING -p tcp -m tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.1.0.7:80"),
		inAnyOrder("-A OUTPUT -p tcp -m tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.1.0.7:80"),
		inAnyOrder("-A PREROUTING -p udp -m udp --dport 53 -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.1.0.7:5353"),
		inAnyOrder("-A OUTPUT -p udp -m udp --dport 53 -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.1.0.7:5353"),
	}, added, "the words of each in the order of the alphabet")
	for _, chain := range []string{"PREROUTING", "OUTPUT"} {
		_, chain, _ := strings.Cut(all, "-A "+chain+" -p ")
		require.Less(t, strings.Index(chain, "10.1.0.7:80"), strings.Index(chain, "10.1.0.8:80"), "the later rule is at the top")
	}
	require.Empty(t, portRules(&Endpoint{}))
}

// inAnyOrder is a rule whose words are in an order that does not depend on it.
func inAnyOrder(rule string) string {
	words := strings.Fields(rule)
	slices.Sort(words)
	return strings.Join(words, " ")
}

var harmless = []rule{
	{"-t", "filter", "-A", "FORWARD", "-i", "nosuch0", "-j", "DROP"},
	{"-t", "filter", "-I", "FORWARD", "-i", "nosuch1", "-j", "DROP"},
	{"-t", "nat", "-A", "POSTROUTING", "-o", "nosuch2", "-j", "MASQUERADE"},
}

func TestRulesAreAddedOnceAndRemovedTogether(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	before := rulesNow(t)
	require.NoError(t, addRules(harmless))
	added := rulesNow(t)
	require.Equal(t, 3, strings.Count(added, "nosuch"))
	require.Less(t, strings.Index(added, "nosuch1"), strings.Index(added, "nosuch0"))

	require.NoError(t, addRules(harmless))
	require.Equal(t, added, rulesNow(t))

	require.NoError(t, iptables(harmless[1].with("-D")), "somebody else's work")
	require.NoError(t, removeRules(harmless))
	require.Equal(t, before, rulesNow(t))
	require.NoError(t, removeRules(harmless))
}

// Compared is what iptables makes of the rules: in which order the words of one stand
// is free. Which one comes before those of others is not.
func TestRulesOfANetwork(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	before := rulesNow(t)
	network := &Network{Subnet: netip.MustParsePrefix("10.1.0.0/24"), Bridge: "br-blue"}
	require.NoError(t, addRules(harmless))
	defer func() { require.NoError(t, removeRules(harmless)) }()

	require.NoError(t, addRules(networkRules(network)))

	var added []string
	for line := range strings.Lines(rulesNow(t)) {
		if strings.Contains(line, "br-blue") {
			added = append(added, strings.TrimSpace(line))
		}
	}
	drop, accept := "-A FORWARD ! -i br-blue -o br-blue -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP", "-A FORWARD -i br-blue -j ACCEPT"
	require.ElementsMatch(t, []string{
		drop, accept, "-A FORWARD -o br-blue -j ACCEPT",
		"-A POSTROUTING -s 10.1.0.0/24 ! -o br-blue -j MASQUERADE",
		"-A POSTROUTING -s 10.1.0.0/24 -o br-blue -m conntrack --ctstate DNAT -j MASQUERADE",
		"-A POSTROUTING -s 127.0.0.0/8 -o br-blue -m conntrack --ctstate DNAT -j MASQUERADE",
		"-A PREROUTING ! -s 10.1.0.0/24 -i br-blue -j DROP",
		"-A PREROUTING -d 127.0.0.0/8 -i br-blue -j DROP",
	}, added)
	all := rulesNow(t)
	require.Less(t, strings.Index(all, drop), strings.Index(all, "nosuch1"), "what drops is at the top")
	require.Less(t, strings.Index(all, "nosuch0"), strings.Index(all, accept), "what accepts is at the end")
	require.NoError(t, removeRules(networkRules(network)))
	require.NoError(t, removeRules(harmless))
	require.Equal(t, before, rulesNow(t))
}

// Half of the rules can be worse than none: those that accept without those that drop.
func TestRulesAreAddedAllOrNone(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.IPTables)
	require.NoError(t, addRules(harmless[:1]), "there before, and to stay")
	defer func() { require.NoError(t, removeRules(harmless[:1])) }()
	before := rulesNow(t)

	err := addRules(append(harmless, rule{"-t", "nat", "-A", "POSTROUTING", "-j", "NOSUCH"}))

	require.ErrorContains(t, err, "NOSUCH")
	require.NotContains(t, err.Error(), "\n")
	require.Equal(t, before, rulesNow(t))
}
