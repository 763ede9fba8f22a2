package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
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
func (n *Networks) layCable(bridge netlink.Link, namespace *os.File, endpoint *Endpoint) error {
	hardware, err := net.ParseMAC(endpoint.HardwareAddr)
	if err != nil {
		return fmt.Errorf("hardware address %q: %w", endpoint.HardwareAddr, err)
	}
	n.log.Run(explain.Network, "ip", "link", "add", endpoint.Link, "master", bridge.Attrs().Name, "type", "veth",
		"peer", "name", endpoint.Interface, "address", endpoint.HardwareAddr, "netns", namespace.Name())
	_, err = cableRequest(endpoint, hardware, bridge.Attrs().Index, namespace).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return fmt.Errorf("lay the cable %s to %s: %w", endpoint.Link, endpoint.Name, err)
	}
	return n.setCable(endpoint.Link)
}

// cableRequest is the whole of a cable in one message (rtnetlink(7)), where the library
// takes three, and each waits for whoever else changes links.
func cableRequest(endpoint *Endpoint, hardware net.HardwareAddr, bridge int, namespace *os.File) *nl.NetlinkRequest {
	request := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	request.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	request.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(endpoint.Link)))
	request.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(bridge))))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	nl.NewIfInfomsgChild(peer, unix.AF_UNSPEC)
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(endpoint.Interface))
	peer.AddRtAttr(unix.IFLA_ADDRESS, hardware)
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(namespace.Fd())))
	request.AddData(info)
	return request
}

// setCable sets the host's end of a cable up, that has no IPv6, either. With hairpin on,
// the bridge sends back by it what has come from it: with br_netfilter, that is how a
// container reaches its own published port.
func (n *Networks) setCable(name string) error {
	if err := n.sysctl("net.ipv6.conf."+name+".disable_ipv6", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n.log.Run(explain.Network, "ip", "link", "set", name, "type", "bridge_slave", "hairpin", "on")
	n.log.Run(explain.Network, "ip", "link", "set", name, "up")
	request := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	up := nl.NewIfInfomsg(unix.AF_UNSPEC)
	up.Flags, up.Change = unix.IFF_UP, unix.IFF_UP
	request.AddData(up)
	request.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_KIND, nl.NonZeroTerminated("bridge"))
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_DATA, nil).AddRtAttr(nl.IFLA_BRPORT_MODE, nl.Uint8Attr(1))
	request.AddData(info)
	if _, err := request.Execute(unix.NETLINK_ROUTE, 0); err != nil {
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
		if err := n.setCable(endpoint.Link); err != nil && !errors.Is(err, unix.ENODEV) {
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
