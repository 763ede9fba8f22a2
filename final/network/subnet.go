package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// checkSubnet refuses what is no subnet for hosts, or one of a size that nobody needs.
func checkSubnet(subnet netip.Prefix) error {
	switch {
	case !subnet.IsValid():
		return errors.New("a network needs a subnet")
	case !subnet.Addr().Is4():
		return fmt.Errorf("subnet %s: networks have IPv4 addresses only", subnet)
	case subnet.Bits() < 8 || subnet.Bits() > 30:
		return fmt.Errorf("subnet %s: the size is /8 to /30", subnet)
	case subnet != subnet.Masked():
		return fmt.Errorf("subnet %s: this is an address in the subnet %s", subnet, subnet.Masked())
	}
	switch first := subnet.Addr().As4()[0]; {
	case first == 0, first == 127, first >= 224: // RFC 6890
		return fmt.Errorf("subnet %s: no host has such an address", subnet)
	}
	return nil
}

// checkAddresses refuses a gateway and a range that are not the subnet's.
func (n *Network) checkAddresses() error {
	if err := n.checkHost(n.Gateway); err != nil {
		return fmt.Errorf("gateway %s: %w", n.Gateway, err)
	}
	if n.Range != n.Range.Masked() || !n.Range.IsValid() || n.Range.Bits() < n.Subnet.Bits() || !n.Subnet.Contains(n.Range.Addr()) {
		return fmt.Errorf("range %s: it is no part of the subnet %s", n.Range, n.Subnet)
	}
	return nil
}

// checkHost refuses what is no address of a host in the subnet.
func (n *Network) checkHost(address netip.Addr) error {
	if !n.Subnet.Contains(address) {
		return fmt.Errorf("it is not in the subnet %s", n.Subnet)
	}
	if index := indexOf(n.Subnet, address); index == 0 || index == sizeOf(n.Subnet)-1 {
		return fmt.Errorf("it stands for the whole subnet %s", n.Subnet)
	}
	return nil
}

// taken is a part of all addresses that means something already.
type taken struct {
	subnet netip.Prefix
	by     string
}

// takenSubnets are those of our networks, and those that mean something to the host:
// one that is given to containers would be cut off.
func (n *Networks) takenSubnets() ([]taken, error) {
	networks, err := n.records()
	if err != nil {
		return nil, err
	}
	var all []taken
	for _, network := range networks {
		all = append(all, taken{network.Subnet, "it is the network " + network.Name})
	}
	routed, err := routedSubnets()
	if err != nil {
		return nil, err
	}
	for _, subnet := range routed {
		all = append(all, taken{subnet, "the host has a route to it"})
	}
	for _, server := range nameServers(hostResolvConf()) {
		if ip, err := netip.ParseAddr(server); err == nil && ip.Is4() {
			all = append(all, taken{netip.PrefixFrom(ip, 32), "the host asks it for names"})
		}
	}
	return all, nil
}

// routedSubnets are those that any of the host's tables of routes leads to.
func routedSubnets() ([]netip.Prefix, error) {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list the routes: %w", err)
	}
	var subnets []netip.Prefix
	for _, route := range routes {
		// A route to more than the largest subnet leads to the rest of the world:
		// some have two of them, each half of it.
		if subnet, ok := prefixOf(route.Dst); ok && subnet.Bits() >= 8 {
			subnets = append(subnets, subnet)
		}
	}
	return subnets, nil
}

func prefixOf(subnet *net.IPNet) (netip.Prefix, bool) {
	if subnet == nil {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(subnet.IP.To4())
	bits, _ := subnet.Mask.Size()
	return netip.PrefixFrom(address, bits), ok
}

func overlapping(subnet netip.Prefix, all []taken) *taken {
	for _, other := range all {
		if other.subnet.Overlaps(subnet) {
			return &other
		}
	}
	return nil
}

// chooseSubnet returns the first of the subnets that are nobody's in the world
// (RFC 1918) and mean nothing here.
func chooseSubnet(all []taken) (netip.Prefix, error) {
	for _, pool := range []struct {
		first netip.Addr
		count int
		bits  int
	}{
		{netip.AddrFrom4([4]byte{172, 17, 0, 0}), 15, 16},
		{netip.AddrFrom4([4]byte{192, 168, 0, 0}), 16, 20},
		{netip.AddrFrom4([4]byte{10, 128, 0, 0}), 2048, 20},
	} {
		first := netip.PrefixFrom(pool.first, pool.bits)
		for number := range pool.count {
			subnet := netip.PrefixFrom(addressAt(first, number*sizeOf(first)), pool.bits)
			if overlapping(subnet, all) == nil {
				return subnet, nil
			}
		}
	}
	return netip.Prefix{}, errors.New("no subnet is free: give one (--subnet)")
}

// hostResolvConf is what the host has to say about names; nothing if it has nothing.
func hostResolvConf() []byte {
	content, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	return content
}
