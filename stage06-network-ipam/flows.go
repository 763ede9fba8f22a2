package main

import (
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// forgetFlows has the kernel forget where flows of packets go that are or were the
// endpoint's. Only the first packet of a flow is looked up in the nat table; what is
// found goes for all others, as long as they come (conntrack). A flow of datagrams
// has no end, and may outlive the container that it went to.
func (e *Endpoint) forgetFlows() error {
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, flowsOf{e}); err != nil {
		return fmt.Errorf("forget the connections of %s: %w", e.Address.Addr(), err)
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
	return !translated && flow.Forward.Protocol == unix.IPPROTO_UDP && slices.ContainsFunc(f.endpoint.Ports, func(p Port) bool {
		return p.Protocol == "udp" && p.Host == flow.Forward.DstPort
	})
}
