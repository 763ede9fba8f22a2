package main

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// parseSubnet parses ADDRESS/BITS.
func parseSubnet(text string) (netip.Prefix, error) {
	subnet, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("subnet %q: want an address and a number of bits, as in 10.1.0.0/24", text)
	}
	return subnet, checkSubnet(subnet)
}

// checkSubnet refuses what is no subnet for hosts, or one of a size that a bitmap
// is not made for.
func checkSubnet(subnet netip.Prefix) error {
	if !subnet.Addr().Is4() {
		return fmt.Errorf("subnet %s: only IPv4", subnet)
	}
	if subnet.Bits() < 8 || subnet.Bits() > 30 {
		return fmt.Errorf("subnet %s: the size is /8 to /30", subnet)
	}
	if subnet != subnet.Masked() {
		return fmt.Errorf("subnet %s: this is an address in the subnet %s", subnet, subnet.Masked())
	}
	switch first := subnet.Addr().As4()[0]; {
	case first == 0, first == 127, first >= 224: // RFC 6890
		return fmt.Errorf("subnet %s: no host has such an address", subnet)
	}
	return nil
}

// checkFree refuses a subnet whose addresses mean something already, here or to the
// host: its own network, for one, would be cut off.
func (n *Network) checkFree(root string) error {
	networks, err := listNetworks(root)
	if err != nil {
		return err
	}
	for _, other := range networks {
		if other.Subnet.Overlaps(n.Subnet) {
			return fmt.Errorf("the subnet %s overlaps %s, which is the network %s", n.Subnet, other.Subnet, other.Name)
		}
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list the routes: %w", err)
	}
	for _, route := range routes {
		if route.Dst == nil {
			continue // the default route
		}
		// A route to more than the largest subnet leads to the rest of the world.
		address, _ := netip.AddrFromSlice(route.Dst.IP.To4())
		bits, _ := route.Dst.Mask.Size()
		if taken := netip.PrefixFrom(address, bits); bits >= 8 && taken.Overlaps(n.Subnet) {
			return fmt.Errorf("the subnet %s overlaps %s, to which the host has a route", n.Subnet, taken)
		}
	}
	return nil
}
