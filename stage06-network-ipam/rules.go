package main

import "fmt"

// A rule is what comes after `iptables` to add it: the table, -A for the end of a
// chain or -I for its top, the chain, what a packet must be like, and what becomes of
// it. The chains are the moments in the life of a packet:
//
//	comes in ──► PREROUTING ──► which way? ──► FORWARD ──► POSTROUTING ──► goes out
//	                                │                          ▲
//	                                ▼                          │
//	                             INPUT ──► a program ──► OUTPUT
type rule []string

// networkRules are those that a network has as long as it exists. By their tables and
// chains; each is added at the end of its chain (-A), but for the one that says "at the
// top" (-I):
//
//   - nat, POSTROUTING: MASQUERADE what has a source in the subnet and leaves by any
//     link but the bridge; also what leaves by the bridge, was sent to a published port
//     (conntrack has the state DNAT for it), and has a source in the subnet or, a rule
//     of its own, in 127.0.0.0/8.
//   - filter, FORWARD, at the top: DROP what leaves by the bridge, has not come in by
//     it, and is not RELATED, ESTABLISHED or DNAT to conntrack.
//   - filter, FORWARD: ACCEPT what comes in by the bridge; ACCEPT what leaves by it.
//   - raw, PREROUTING: DROP what comes in by the bridge without a source in the subnet;
//     DROP what comes in by it for 127.0.0.0/8.
//
//learn:exercise
func networkRules(n *Network) []rule {
	subnet, bridge := n.Subnet.String(), n.Bridge
	return []rule{
		// What leaves the network goes with the address of the host, the only one to
		// which the world can answer.
		{"-t", "nat", "-A", "POSTROUTING", "-s", subnet, "!", "-o", bridge, "-j", "MASQUERADE"},
		// What is sent to a published port and comes back into the network does too,
		// or else the answer would go to its sender directly, who had asked somebody
		// else. The same if the host asks itself, at 127.0.0.1.
		{"-t", "nat", "-A", "POSTROUTING", "-s", subnet, "-o", bridge, "-m", "conntrack", "--ctstate", "DNAT", "-j", "MASQUERADE"},
		{"-t", "nat", "-A", "POSTROUTING", "-s", "127.0.0.0/8", "-o", bridge, "-m", "conntrack", "--ctstate", "DNAT", "-j", "MASQUERADE"},
		// Nothing gets in but answers, and what is for a published port. These rules
		// of all networks are at the top, above what lets packets out.
		{"-t", "filter", "-I", "FORWARD", "!", "-i", bridge, "-o", bridge, "-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT", "-j", "DROP"},
		{"-t", "filter", "-A", "FORWARD", "-i", bridge, "-j", "ACCEPT"},
		{"-t", "filter", "-A", "FORWARD", "-o", bridge, "-j", "ACCEPT"},
		// Nobody there is somebody else, or asks for what the host has at 127.0.0.1
		// for itself (see allowLoopback).
		{"-t", "raw", "-A", "PREROUTING", "-i", bridge, "!", "-s", subnet, "-j", "DROP"},
		{"-t", "raw", "-A", "PREROUTING", "-i", bridge, "-d", "127.0.0.0/8", "-j", "DROP"},
	}
}

// portRules are those that an endpoint has as long as its container runs: what is for
// a port of this host is for the container instead. Each port has two, for the CHAINs
// PREROUTING and OUTPUT, since packets of the host itself do not come in:
//
//	-t nat -I CHAIN -p PROTOCOL --dport HOST -m addrtype --dst-type LOCAL -j DNAT --to-destination ADDRESS:CONTAINER
//
// HOST and CONTAINER are ports, and ADDRESS is without the size of the subnet. An address
// of this host is LOCAL; others have that port, too. They are at the top (-I): a container
// that was killed with its monitor has its rules still, and the new owner of its port
// comes before it.
//
//learn:exercise
func portRules(e *Endpoint) []rule {
	var rules []rule
	for _, port := range e.Ports {
		target := fmt.Sprintf("%s:%d", e.Address.Addr(), port.Container)
		for _, chain := range []string{"PREROUTING", "OUTPUT"} {
			rules = append(rules, rule{
				"-t", "nat", "-I", chain, "-p", port.Protocol, "--dport", fmt.Sprint(port.Host),
				"-m", "addrtype", "--dst-type", "LOCAL", "-j", "DNAT", "--to-destination", target,
			})
		}
	}
	return rules
}
