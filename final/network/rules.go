package network

import "net/netip"

// chain is a moment in the life of a packet at which we have something to say:
//
//	comes in ──► spoofed ──► publishedIn ──► which way? ──► forward ──► masquerade ──► goes out
//	                                             │          closed          ▲
//	                                             ▼                          │
//	                                         a program ──► publishedOut ────┘
type chain int

const (
	spoofed      chain = iota // what cannot be what it says
	publishedIn               // what comes in for a published port
	publishedOut              // what the host itself sends to one
	forward                   // who may send to whom
	closed                    // what was not forwarded before we came
	masquerade                // what leaves as if it came from the host
)

// verdict is what becomes of a packet.
type verdict int

const (
	accept   verdict = iota
	drop             // nobody hears of it
	hide             // it leaves as if it came from the host (MASQUERADE)
	redirect         // it goes to target instead (DNAT)
)

// rule says what a packet must be like, and what becomes of it. What is zero does not
// matter.
type rule struct {
	chain     chain
	in, out   match[string]       // the link that it comes in and leaves by; one * at the end is for anything
	from, to  match[netip.Prefix] // its addresses
	local     bool                // it is for an address of this host
	protocol  string              // tcp or udp, and
	port      uint16              // for which port
	answer    bool                // it belongs to what has been let through
	published bool                // it was sent to a published port
	verdict   verdict
	target    netip.AddrPort
}

// match is what a field must be, or must not.
type match[T comparable] struct {
	value T
	not   bool
}

func is[T comparable](value T) match[T]  { return match[T]{value, false} }
func not[T comparable](value T) match[T] { return match[T]{value, true} }

func (m match[T]) given() bool {
	var zero T
	return m.value != zero
}

var loopback = netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 0}), 8)

// rulesOf are the rules of all networks and all published ports. A packet goes by them
// in their order, up to the first that says what becomes of it.
func rulesOf(networks []*Network, endpoints []*Endpoint, opened bool) []rule {
	var rules []rule
	for _, part := range []func(*Network) []rule{spoofedRules, internalRules, inwardRules, outwardRules, masqueradeRules} {
		for _, network := range networks {
			rules = append(rules, part(network)...)
		}
	}
	for _, endpoint := range endpoints {
		for _, binding := range endpoint.Ports {
			rules = append(rules, portRules(binding, endpoint.Address.Addr())...)
		}
	}
	if opened {
		// We have switched forwarding on, for our networks. For all others it is
		// as if it were off, unless somebody else has said yes.
		rules = append(rules, rule{chain: closed, in: not(linkPrefix + "*"), out: not(linkPrefix + "*"), verdict: drop})
	}
	return rules
}

// spoofedRules: nobody in a network is somebody else, or asks for what the host has at
// 127.0.0.1 for itself (see setBridge).
func spoofedRules(n *Network) []rule {
	return []rule{
		{chain: spoofed, in: is(n.Bridge), from: not(n.Subnet), verdict: drop},
		{chain: spoofed, in: is(n.Bridge), to: is(loopback), verdict: drop},
	}
}

// internalRules: an internal network is an island.
func internalRules(n *Network) []rule {
	if !n.Internal {
		return nil
	}
	return []rule{
		{chain: forward, in: is(n.Bridge), out: not(n.Bridge), verdict: drop},
		{chain: forward, in: not(n.Bridge), out: is(n.Bridge), verdict: drop},
	}
}

// inwardRules: nothing gets into a network but answers, and what is for a published
// port. These rules of all networks come before those that let out.
func inwardRules(n *Network) []rule {
	return []rule{
		{chain: forward, in: is(n.Bridge), out: is(n.Bridge), verdict: accept},
		{chain: forward, out: is(n.Bridge), answer: true, verdict: accept},
		{chain: forward, out: is(n.Bridge), published: true, verdict: accept},
		{chain: forward, out: is(n.Bridge), verdict: drop},
	}
}

func outwardRules(n *Network) []rule {
	return []rule{{chain: forward, in: is(n.Bridge), verdict: accept}}
}

// masqueradeRules: what leaves a network goes with the address of the host, the only
// one to which the world can answer. What is sent to a published port and comes back
// into the network does, too, or else the answer would go to its sender directly, who
// had asked somebody else. The same if the host asks itself, at 127.0.0.1.
func masqueradeRules(n *Network) []rule {
	if n.Internal {
		return nil
	}
	return []rule{
		{chain: masquerade, from: is(n.Subnet), out: not(n.Bridge), verdict: hide},
		{chain: masquerade, from: is(n.Subnet), out: is(n.Bridge), published: true, verdict: hide},
		{chain: masquerade, from: is(loopback), out: is(n.Bridge), published: true, verdict: hide},
	}
}

// portRules: what is for a port of this host is for the container instead. Packets of
// the host itself do not come in, so each port has two. One that comes in for 127.0.0.1
// is not for us: the world has no business there.
func portRules(b Binding, container netip.Addr) []rule {
	out := rule{
		chain: publishedOut, local: true, protocol: b.Protocol, port: b.Host,
		verdict: redirect, target: netip.AddrPortFrom(container, b.Container),
	}
	in := out
	in.chain, in.to = publishedIn, not(loopback)
	if b.HostIP.IsValid() {
		out.local, out.to = false, is(netip.PrefixFrom(b.HostIP, 32))
		in.local, in.to = false, out.to
	}
	if b.HostIP.IsValid() && loopback.Contains(b.HostIP) {
		return []rule{out}
	}
	return []rule{in, out}
}
