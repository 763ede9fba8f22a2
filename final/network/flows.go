package network

import (
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// forgetFlows has the kernel forget where flows of packets go that are or were the
// endpoint's. Only the first packet of a flow goes by the rules that redirect; what is
// found goes for all others, as long as they come (conntrack). A flow of datagrams has
// no end, and may outlive the container that it went to.
func (n *Networks) forgetFlows(endpoint *Endpoint) error {
	address := endpoint.Address.Addr().String()
	n.log.Run(explain.Network, "conntrack", "-D", "--any-nat", address)
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, flowsOf{endpoint}); err != nil {
		return fmt.Errorf("forget the connections of %s: %w", address, err)
	}
	return nil
}

// flowsOf tells which flows are an endpoint's. The kernel knows each by two pairs of
// addresses: those of the packets that come, and those of the answers.
type flowsOf struct{ endpoint *Endpoint }

func (f flowsOf) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	address := net.IP(f.endpoint.Address.Addr().AsSlice())
	if flow.Forward.SrcIP.Equal(address) || flow.Reverse.SrcIP.Equal(address) {
		return true
	}
	// One to the host itself, from before the port was the container's.
	translated := !flow.Forward.DstIP.Equal(flow.Reverse.SrcIP) || !flow.Forward.SrcIP.Equal(flow.Reverse.DstIP)
	return !translated && flow.Forward.Protocol == unix.IPPROTO_UDP && slices.ContainsFunc(f.endpoint.Ports, func(b Binding) bool {
		return b.Protocol == "udp" && b.Host == flow.Forward.DstPort
	})
}
