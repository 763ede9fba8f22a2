package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// A cable is a pair of veth links (veth(4)): one end in the host, joined to the bridge,
// and one in the container. Its names begin so.
const cablePrefix = "tdv-"

// layCable makes the cable of an endpoint. The container's end is born in its
// namespace. The other way is to make both here and to move one; and then, for a
// moment, the host has a link that is not meant for it, which a program that looks
// after new links would take hold of.
func (n *Networks) layCable(network *Network, namespace *os.File, endpoint *Endpoint) error {
	bridge, err := n.findBridge(network)
	if err != nil {
		return err
	}
	if bridge == nil {
		return fmt.Errorf("the bridge %s has gone", network.Bridge)
	}
	hardware, err := net.ParseMAC(endpoint.HardwareAddr)
	if err != nil {
		return fmt.Errorf("hardware address %q: %w", endpoint.HardwareAddr, err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.MasterIndex = endpoint.Link, bridge.Attrs().Index
	cable := &netlink.Veth{
		LinkAttrs: attributes, PeerName: endpoint.Interface, PeerHardwareAddr: hardware,
		PeerNamespace: netlink.NsFd(int(namespace.Fd())),
	}
	n.log.Run(explain.Network, "ip", "link", "add", endpoint.Link, "master", network.Bridge, "type", "veth",
		"peer", "name", endpoint.Interface, "address", endpoint.HardwareAddr, "netns", namespace.Name())
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("lay the cable %s to %s: %w", endpoint.Link, endpoint.Name, err)
	}
	return n.setCable(cable)
}

// setCable sets the host's end of a cable up, that has no IPv6, either. With hairpin on,
// the bridge sends back by it what has come from it: with br_netfilter, that is how a
// container reaches its own published port.
func (n *Networks) setCable(cable netlink.Link) error {
	name := cable.Attrs().Name
	if err := n.sysctl("net.ipv6.conf."+name+".disable_ipv6", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n.log.Run(explain.Network, "bridge", "link", "set", "dev", name, "hairpin", "on")
	if err := netlink.LinkSetHairpin(cable, true); err != nil {
		return fmt.Errorf("let the bridge send back by %s: %w", name, err)
	}
	n.log.Run(explain.Network, "ip", "link", "set", name, "up")
	if err := netlink.LinkSetUp(cable); err != nil {
		return fmt.Errorf("set the link %s up: %w", name, err)
	}
	return nil
}

// rejoin joins the cables of a network to a bridge that had to be made anew.
func (n *Networks) rejoin(network *Network, bridge netlink.Link) error {
	endpoints, err := n.endpointsOf(network)
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		cable, err := findLink(endpoint.Link)
		if err != nil {
			return err
		}
		if cable == nil {
			continue // its container is dead
		}
		n.log.Run(explain.Network, "ip", "link", "set", endpoint.Link, "master", network.Bridge)
		if err := netlink.LinkSetMaster(cable, bridge); err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("join the link %s to the bridge %s: %w", endpoint.Link, network.Bridge, err)
		}
		if err := n.setCable(cable); err != nil && !errors.Is(err, unix.ENODEV) {
			return err
		}
	}
	return nil
}

// cutCable removes a cable. It may have gone with the namespace that one end was in.
func (n *Networks) cutCable(endpoint *Endpoint) error {
	cable, err := findLink(endpoint.Link)
	if cable == nil || err != nil {
		return err
	}
	return n.removeLink(cable)
}

// hardwareAddress is the one that goes with an IPv4 address, if the user wants no
// other. So who knows one from a container that had the address before has it right.
func hardwareAddress(endpoint *Endpoint) net.HardwareAddr {
	ip := endpoint.Address.Addr().As4()
	return net.HardwareAddr{0x02, 0x42, ip[0], ip[1], ip[2], ip[3]}
}

// parseHardwareAddress refuses what no link can have.
func parseHardwareAddress(text string) (net.HardwareAddr, error) {
	address, err := net.ParseMAC(text)
	if err != nil || len(address) != 6 {
		return nil, fmt.Errorf("hardware address %q: want six bytes, as in 02:42:ac:11:00:02", text)
	}
	if address[0]&1 != 0 {
		return nil, fmt.Errorf("hardware address %q: it is for many, and not for one", text)
	}
	return address, nil
}
