package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/sirupsen/logrus"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Endpoint is where a container is joined to a network. It is a part of the
// container's record: whoever removes what a killed monitor has left needs it.
type Endpoint struct {
	Network string
	Bridge  string
	Link    string       // the host's end of the cable, and the owner of the address
	Address netip.Prefix // of the container, with the size of its subnet
	Gateway netip.Addr
	Ports   []Port
}

// Connect takes an address in a network for a container that does not exist yet.
func Connect(root, name string, ports []Port) (*Endpoint, error) {
	network, unlock, err := openNetwork(root, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := network.ensure(); err != nil {
		return nil, err
	}
	link := "veth" + randomName()
	address, err := takeAddress(root, network, link)
	if err != nil {
		return nil, err
	}
	return &Endpoint{
		Network: name, Bridge: network.Bridge, Link: link,
		Address: netip.PrefixFrom(address, network.Subnet.Bits()), Gateway: network.Gateway, Ports: ports,
	}, nil
}

// attach joins the container whose first process is pid to the bridge: by a pair of
// veth links, a cable, of which one end is in the container and called eth0. On an
// error nothing is attached.
//
// That end is born in the container's network namespace (veth(4)). The other way is to
// make both here and to move one; and then, for a moment, this host has a link that is
// not meant for it, which a program that looks after new links would take hold of.
//
// When the host's end is up, with hairpin on, the rules of the ports are added; and then
// the kernel forgets the flows of whoever had the address or a port before. (Where one of
// these fails, removeRules and detach remove what is there of rules and cable.)
//
//learn:exercise
func (e *Endpoint) attach(pid int) (err error) {
	bridge, err := netlink.LinkByName(e.Bridge)
	if err != nil {
		return fmt.Errorf("find the bridge %s: %w", e.Bridge, err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.MasterIndex = e.Link, bridge.Attrs().Index
	cable := &netlink.Veth{LinkAttrs: attributes, PeerName: "eth0", PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("lay the cable %s to process %d: %w", e.Link, pid, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeRules(portRules(e)), e.detach())
		}
	}()
	// A bridge sends nothing back by the cable that it came from. With br_netfilter
	// that keeps a container from its own published port.
	if err := netlink.LinkSetHairpin(cable, true); err != nil {
		return fmt.Errorf("let the bridge send back by %s: %w", e.Link, err)
	}
	if err := netlink.LinkSetUp(cable); err != nil {
		return fmt.Errorf("set the link %s up: %w", e.Link, err)
	}
	if err := addRules(portRules(e)); err != nil {
		return err
	}
	return e.forgetFlows()
}

// Disconnect removes all that an endpoint has: its rules, its cable, the connections
// that the kernel remembers, and last its address, which somebody else may have at
// once. It may be done twice.
func (e *Endpoint) Disconnect(root string) error {
	if err := removeRules(portRules(e)); err != nil {
		return err
	}
	if err := e.detach(); err != nil {
		return err
	}
	if err := e.forgetFlows(); err != nil {
		return err
	}
	network, unlock, err := openNetwork(root, e.Network)
	if errors.Is(err, errNoNetwork) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	return giveBackAddress(root, network, e.Link)
}

// detach removes the cable. It may have gone with the namespace that one end was in.
func (e *Endpoint) detach() error {
	link, err := netlink.LinkByName(e.Link)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the link %s: %w", e.Link, err)
	}
	logrus.Debugf("run: ip link del %s", e.Link)
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove the link %s: %w", e.Link, err)
	}
	return nil
}
