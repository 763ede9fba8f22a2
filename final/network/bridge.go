package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// makeBridge makes the network's bridge, a switch to which cables can be joined. A
// link that has its name already is somebody else's, and an error.
//
// Its hardware address is the record's: by it the bridge is known again; and if it has
// to be made anew, those who know the gateway by it need not ask.
func (n *Networks) makeBridge(network *Network) error {
	hardware, err := net.ParseMAC(network.HardwareAddr)
	if err != nil {
		return fmt.Errorf("make the bridge %s: %w", network.Bridge, err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.HardwareAddr = network.Bridge, hardware
	n.log.Run(explain.Network, "ip", "link", "add", network.Bridge, "address", network.HardwareAddr, "type", "bridge")
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attributes}); err != nil {
		return fmt.Errorf("make the bridge %s: %w", network.Bridge, err)
	}
	return nil
}

// findBridge returns the network's bridge, or nil if there is none. A link of its name
// that is not the one that we have made is somebody else's, and an error.
func (n *Networks) findBridge(network *Network) (netlink.Link, error) {
	link, err := findLink(network.Bridge)
	if link == nil || err != nil {
		return nil, err
	}
	if link.Type() != "bridge" || link.Attrs().HardwareAddr.String() != network.HardwareAddr {
		return nil, fmt.Errorf("the link %s, which the network %s wants to have, is somebody else's", network.Bridge, network.Name)
	}
	return link, nil
}

// findLink returns the link with a name, or nil.
func findLink(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the link %s: %w", name, err)
	}
	return link, nil
}

// ensureBridge has the bridge be there, be up, and be the gateway. If it has to be
// made, the cables of those who were joined to it are joined again.
func (n *Networks) ensureBridge(network *Network) (netlink.Link, error) {
	bridge, err := n.findBridge(network)
	if err != nil {
		return nil, err
	}
	if bridge == nil {
		if err := n.makeBridge(network); err != nil {
			return nil, err
		}
		if bridge, err = n.findBridge(network); err != nil || bridge == nil {
			return nil, errors.Join(err, fmt.Errorf("the bridge %s has gone", network.Bridge))
		}
		if err := n.rejoin(network, bridge); err != nil {
			return nil, err
		}
	}
	if err := n.setBridge(network); err != nil {
		return nil, err
	}
	gateway := netip.PrefixFrom(network.Gateway, network.Subnet.Bits())
	n.log.Run(explain.Network, "ip", "address", "replace", gateway.String(), "dev", network.Bridge)
	if err := netlink.AddrReplace(bridge, &netlink.Addr{IPNet: ipNet(gateway)}); err != nil {
		return nil, fmt.Errorf("give the bridge %s the address %s: %w", network.Bridge, gateway, err)
	}
	if bridge.Attrs().Flags&net.FlagUp != 0 {
		return bridge, nil
	}
	n.log.Run(explain.Network, "ip", "link", "set", network.Bridge, "up")
	if err := netlink.LinkSetUp(bridge); err != nil {
		return nil, fmt.Errorf("set the bridge %s up: %w", network.Bridge, err)
	}
	return bridge, nil
}

// setBridge gives the bridge no IPv6, before it is up and would look for neighbours
// that have its address; and it has the kernel route 127.0.0.1 to it, which it does to
// no link: that is how the host reaches a published port there. The other way is closed
// by a rule.
func (n *Networks) setBridge(network *Network) error {
	if err := n.sysctl("net.ipv6.conf."+network.Bridge+".disable_ipv6", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if network.Internal {
		return nil
	}
	return n.sysctl("net.ipv4.conf."+network.Bridge+".route_localnet", "1")
}

// sysctl has a setting of the kernel be value. fs.ErrNotExist is for a kernel that has
// not got it.
func (n *Networks) sysctl(name, value string) error {
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	current, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(current)) == value {
		return nil
	}
	if err == nil {
		n.log.Run(explain.Network, "sysctl", "-w", name+"="+value)
		err = writeSetting(path, value)
	}
	if err != nil {
		return fmt.Errorf("set %s to %s: %w", name, value, err)
	}
	return nil
}

func writeSetting(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}

// removeBridge removes the bridge, if there is one that is ours.
func (n *Networks) removeBridge(network *Network) error {
	bridge, err := findLink(network.Bridge)
	if bridge == nil || err != nil || bridge.Attrs().HardwareAddr.String() != network.HardwareAddr {
		return err
	}
	return n.removeLink(bridge)
}

func (n *Networks) removeLink(link netlink.Link) error {
	n.log.Run(explain.Network, "ip", "link", "del", link.Attrs().Name)
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove the link %s: %w", link.Attrs().Name, err)
	}
	return nil
}

// ipNet is an address and the subnet that it is in, as netlink has it.
func ipNet(address netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: address.Addr().AsSlice(), Mask: net.CIDRMask(address.Bits(), address.Addr().BitLen())}
}
