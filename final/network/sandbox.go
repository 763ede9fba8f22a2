package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

func (s *Sandbox) check() error {
	if !validName(s.ID) || len(s.ID) > ownerSize {
		return fmt.Errorf("invalid container id %q", s.ID)
	}
	if !validName(s.Name) {
		return fmt.Errorf("invalid container name %q", s.Name)
	}
	if s.Hostname != "" && !validName(s.Hostname) {
		return fmt.Errorf("invalid host name %q", s.Hostname)
	}
	return nil
}

// check refuses what cannot be in a network.
func (c *EndpointConfig) check(network *Network) error {
	for _, alias := range c.Aliases {
		if !validName(alias) {
			return fmt.Errorf("invalid alias %q: letters, digits and _ . -, a letter or digit first", alias)
		}
	}
	if c.HardwareAddr != "" {
		if _, err := parseHardwareAddress(c.HardwareAddr); err != nil {
			return err
		}
	}
	if !c.IP.IsValid() {
		return nil
	}
	if err := network.checkHost(c.IP); err != nil {
		return fmt.Errorf("the address %s in the network %s: %w", c.IP, network.Name, err)
	}
	if c.IP == network.Gateway {
		return fmt.Errorf("the address %s in the network %s: it is the gateway's", c.IP, network.Name)
	}
	return nil
}

func interfaceName(number int) string { return "eth" + strconv.Itoa(number) }

// endpoint returns what is known before there is an address.
func (c *EndpointConfig) endpoint(sandbox Sandbox, number int) *Endpoint {
	return &Endpoint{
		ContainerID: sandbox.ID, Name: sandbox.Name, Hostname: sandbox.Hostname, Aliases: c.Aliases,
		HostsFile: sandbox.HostsFile, Interface: interfaceName(number), HardwareAddr: c.HardwareAddr,
	}
}

func (e *Endpoint) in(network *Network, address netip.Addr) {
	e.Network, e.NetworkID = network.Name, network.ID
	e.Link = randomLinkName(cablePrefix)
	e.Address = netip.PrefixFrom(address, network.Subnet.Bits())
	if !network.Internal {
		e.Gateway = network.Gateway
	}
	if e.HardwareAddr == "" {
		e.HardwareAddr = hardwareAddress(e).String()
	}
}

// takeAddress takes an address for a container. If none is free, those of the dead are
// made so: nobody has to clean up after them, and nobody looks for them before.
func (n *Networks) takeAddress(network *Network, wanted netip.Addr, id string) (netip.Addr, error) {
	given, err := n.tryAddress(network, wanted, id)
	if errors.Is(err, errNoAddress) {
		if err := n.sweep(network, wanted); err != nil {
			return netip.Addr{}, err
		}
		given, err = n.tryAddress(network, wanted, id)
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("an address in the network %s: %w", network.Name, err)
	}
	return given, nil
}

func (n *Networks) tryAddress(network *Network, wanted netip.Addr, id string) (given netip.Addr, err error) {
	err = n.withAddresses(network, func(a *addresses) error {
		if wanted.IsValid() {
			given = wanted
			return a.Take(wanted, id)
		}
		given, err = a.Allocate(network.Range, id)
		return err
	})
	return given, err
}

func (n *Networks) withAddresses(network *Network, do func(*addresses) error) error {
	return withAddresses(n.folder(network, "addresses"), network.Subnet, do, func() (map[netip.Addr]string, error) {
		endpoints, err := n.endpointsOf(network)
		owners := map[netip.Addr]string{network.Gateway: ""}
		for _, endpoint := range endpoints {
			owners[endpoint.Address.Addr()] = endpoint.ContainerID
		}
		return owners, err
	})
}

// sweep frees the addresses of those who are dead, or one of them; and those of which
// nobody has a record: somebody was killed between the one and the other.
func (n *Networks) sweep(network *Network, one netip.Addr) error {
	owners := make(map[netip.Addr]string)
	err := n.withAddresses(network, func(a *addresses) error {
		if one.IsValid() {
			owner, err := a.Owner(one)
			owners[one] = owner
			return err
		}
		return a.Owned(func(address netip.Addr, owner string) error {
			owners[address] = owner
			return nil
		})
	})
	if err != nil {
		return err
	}
	for address, owner := range owners {
		if !validName(owner) {
			continue // it is reserved
		}
		endpoint, err := n.endpoint(network, owner)
		if err != nil {
			return err
		}
		switch {
		case endpoint == nil || endpoint.Address.Addr() != address:
			err = n.withAddresses(network, func(a *addresses) error { return a.Release(address, owner) })
		case !n.alive(owner):
			err = errors.Join(n.cutCable(endpoint), n.leave(network, endpoint))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
