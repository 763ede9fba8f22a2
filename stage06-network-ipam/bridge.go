package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/sirupsen/logrus"
	"github.com/vishvananda/netlink"
)

// makeBridge makes the network's bridge, a switch to which cables can be joined. A
// link that has its name already is somebody else's, and an error.
func (n *Network) makeBridge() error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = n.Bridge
	// Without an address of its own it has the lowest of its cables, which changes
	// as these come and go; and everybody has to ask once more where the gateway is.
	attributes.HardwareAddr = randomHardwareAddress()
	logrus.Debugf("run: ip link add %s address %s type bridge", n.Bridge, attributes.HardwareAddr)
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attributes}); err != nil {
		return fmt.Errorf("make the bridge %s: %w", n.Bridge, err)
	}
	return nil
}

// randomHardwareAddress returns one that nobody has bought: the second lowest bit of
// the first byte says that it is given locally, the lowest that it is for one.
func randomHardwareAddress() net.HardwareAddr {
	address := make(net.HardwareAddr, 6)
	_, _ = rand.Read(address) // never fails
	address[0] = address[0]&^1 | 2
	return address
}

// findBridge returns the network's bridge, or nil if there is none.
func (n *Network) findBridge() (netlink.Link, error) {
	link, err := netlink.LinkByName(n.Bridge)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the bridge %s: %w", n.Bridge, err)
	}
	if link.Type() != "bridge" {
		return nil, fmt.Errorf("find the bridge %s: it is a %s", n.Bridge, link.Type())
	}
	return link, nil
}

// removeBridge removes the bridge, if there is one.
func (n *Network) removeBridge() error {
	link, err := n.findBridge()
	if link == nil || err != nil {
		return err
	}
	logrus.Debugf("run: ip link del %s", n.Bridge)
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove the bridge %s: %w", n.Bridge, err)
	}
	return nil
}

// ensure makes what a network is to the kernel, and what of it is not there any more:
// after a boot, nothing is.
func (n *Network) ensure() error {
	link, err := n.findBridge()
	if err != nil {
		return err
	}
	if link == nil {
		if err := n.makeBridge(); err != nil {
			return err
		}
	}
	return n.setUp()
}

// setUp makes a bridge, which is there, the gateway of its network: it gives it the
// gateway's address, sets it up, allows it the loopback and switches forwarding on. The
// network's rules come last: if anything else fails, there is nobody who takes them back.
// What is set already stays, and is no error.
//
// For --debug, the first two are told: logrus.Debugf("run: ip address add %s dev %s; ip
// link set %s up", ...).
//
//learn:exercise
func (n *Network) setUp() error {
	bridge, err := netlink.LinkByName(n.Bridge)
	if err != nil {
		return fmt.Errorf("find the bridge %s: %w", n.Bridge, err)
	}
	address := addressOn(n.Subnet, n.Gateway)
	logrus.Debugf("run: ip address add %s dev %s; ip link set %s up", address, n.Bridge, n.Bridge)
	if err := netlink.AddrReplace(bridge, &netlink.Addr{IPNet: address}); err != nil {
		return fmt.Errorf("give the bridge %s the address %s: %w", n.Bridge, address, err)
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return fmt.Errorf("set the bridge %s up: %w", n.Bridge, err)
	}
	if err := n.allowLoopback(); err != nil {
		return err
	}
	if err := forwardPackets(); err != nil {
		return err
	}
	return addRules(networkRules(n))
}

// addressOn is an address and the subnet that it is in, as netlink has it.
func addressOn(subnet netip.Prefix, address netip.Addr) *net.IPNet {
	return &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(subnet.Bits(), 32)}
}

// allowLoopback has the kernel route 127.0.0.1 to this bridge, which it does to no link:
// that is how a published port can be reached at that address. The other way is closed
// by a rule.
func (n *Network) allowLoopback() error {
	logrus.Debugf("run: sysctl -w net.ipv4.conf.%s.route_localnet=1", n.Bridge)
	if err := write("/proc/sys/net/ipv4/conf/"+n.Bridge, "route_localnet", "1"); err != nil {
		return fmt.Errorf("route 127.0.0.1 to the bridge %s: %w", n.Bridge, err)
	}
	return nil
}

// forwardPackets makes a router of the host: what comes in at one link and is meant
// for somebody at another is sent on. That goes for all links, not for ours alone: who
// is in the same network as the host can now send packets through it, as far as the
// FORWARD chain lets them pass. So Docker has that chain drop what no rule accepts.
//
// It stays on when the last network goes. Somebody else may want it by then.
func forwardPackets() error {
	logrus.Debug("run: sysctl -w net.ipv4.ip_forward=1")
	if err := write("/proc/sys/net/ipv4", "ip_forward", "1"); err != nil {
		return fmt.Errorf("switch forwarding on: %w", err)
	}
	return nil
}
