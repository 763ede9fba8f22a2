package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"mytinydocker/final/fault"
)

// Check looks for what is inconsistent: between the records, the addresses, the links
// and the rules. What the next use of a network would make anyway, like its bridge, is
// missed only by containers that live.
func (n *Networks) Check() ([]fault.Fault, error) {
	names, err := n.names()
	if err != nil {
		return nil, err
	}
	var faults []fault.Fault
	for _, name := range names {
		if _, err := n.load(name); errors.Is(err, ErrDamaged) {
			faults = append(faults, fault.Fault{What: err.Error()})
		}
	}
	networks, err := n.records()
	if err != nil {
		return nil, err
	}
	for _, network := range networks {
		found, err := n.checkNetwork(network.Name)
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
	}
	for _, find := range []func([]*Network) ([]fault.Fault, error){n.checkLinks, n.checkStates, n.checkRules} {
		found, err := find(networks)
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

// checkNetwork looks at one network while nobody comes or goes.
func (n *Networks) checkNetwork(name string) (faults []fault.Fault, err error) {
	network, lock, err := n.open(name)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	endpoints, err := n.endpointsOf(network)
	if err != nil {
		return nil, err
	}
	living := 0
	for _, endpoint := range endpoints {
		if n.alive(endpoint.ContainerID) {
			living++
			continue
		}
		faults = append(faults, fault.Fault{
			What:   fmt.Sprintf("the network %s has a place for the container %.12s, which does not run", name, endpoint.ContainerID),
			Repair: func() error { return n.Detach(endpoint.ContainerID, true) },
		})
	}
	if living > 0 {
		found, err := n.checkBridge(network)
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
	}
	found, err := n.checkAddresses(network, endpoints)
	return append(faults, found...), err
}

// checkBridge looks at the bridge of a network in which containers live.
func (n *Networks) checkBridge(network *Network) ([]fault.Fault, error) {
	link, err := findLink(network.Bridge)
	if err != nil {
		return nil, err
	}
	var missing string
	switch {
	case link == nil:
		missing = "is missing"
	case link.Type() != "bridge" || link.Attrs().HardwareAddr.String() != network.HardwareAddr:
		return []fault.Fault{{What: fmt.Sprintf("the link %s, which the network %s wants to have, is somebody else's", network.Bridge, network.Name)}}, nil
	case link.Attrs().Flags&net.FlagUp == 0:
		missing = "is down"
	case !hasAddress(link, network.Gateway):
		missing = "has lost its address " + network.Gateway.String()
	default:
		return nil, nil
	}
	what := fmt.Sprintf("the bridge %s of the network %s %s", network.Bridge, network.Name, missing)
	return []fault.Fault{{What: what, Repair: func() error { return n.reload(network.Name) }}}, nil
}

func hasAddress(link netlink.Link, wanted netip.Addr) bool {
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	return err == nil && slices.ContainsFunc(addresses, func(a netlink.Addr) bool { return a.IP.Equal(wanted.AsSlice()) })
}

// checkAddresses compares who has an address with who has a place.
func (n *Networks) checkAddresses(network *Network, endpoints []*Endpoint) (faults []fault.Fault, err error) {
	places := make(map[netip.Addr]string)
	for _, endpoint := range endpoints {
		places[endpoint.Address.Addr()] = endpoint.ContainerID
	}
	owners := make(map[netip.Addr]string)
	err = n.withAddresses(network, func(a *addresses) error {
		return a.Owned(func(address netip.Addr, owner string) error {
			owners[address] = owner
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for address, owner := range owners {
		if places[address] == owner {
			continue
		}
		faults = append(faults, fault.Fault{
			What: fmt.Sprintf("the address %s of the network %s is held by nobody", address, network.Name),
			Repair: func() error {
				return n.withAddresses(network, func(a *addresses) error { return a.Release(address, owner) })
			},
		})
	}
	for address, owner := range places {
		if owners[address] != "" {
			continue
		}
		faults = append(faults, fault.Fault{
			What: fmt.Sprintf("the address %s of the network %s is free, although the container %.12s has it", address, network.Name, owner),
			Repair: func() error {
				return n.withAddresses(network, func(a *addresses) error { return a.Take(address, owner) })
			},
		})
	}
	return faults, nil
}

// checkLinks finds bridges that belong to no network of ours any more, and cables that
// lead to one of ours and belong to no container. Links of another root are its own.
func (n *Networks) checkLinks(networks []*Network) (faults []fault.Fault, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	endpoints, err := n.endpoints()
	if err != nil {
		return nil, err
	}
	bridges := make(map[int]bool)
	for _, link := range links {
		name := link.Attrs().Name
		ours := slices.ContainsFunc(networks, func(network *Network) bool { return network.Bridge == name })
		if link.Type() == "bridge" && (ours || n.isOurs(link)) {
			bridges[link.Attrs().Index] = true
		}
		if link.Type() == "bridge" && !ours && n.isOurs(link) {
			faults = append(faults, n.strayLink(link, "the bridge %s belongs to no network"))
		}
	}
	for _, link := range links {
		known := slices.ContainsFunc(endpoints, func(e *Endpoint) bool { return e.Link == link.Attrs().Name })
		if strings.HasPrefix(link.Attrs().Name, cablePrefix) && bridges[link.Attrs().MasterIndex] && !known {
			faults = append(faults, n.strayLink(link, "the link %s belongs to no container"))
		}
	}
	return faults, nil
}

func (n *Networks) strayLink(link netlink.Link, what string) fault.Fault {
	return fault.Fault{What: fmt.Sprintf(what, link.Attrs().Name), Repair: func() error { return n.removeLink(link) }}
}

// checkStates finds what is kept for networks that are no more.
func (n *Networks) checkStates(networks []*Network) (faults []fault.Fault, err error) {
	entries, err := os.ReadDir(n.run)
	if err != nil {
		return nil, fmt.Errorf("list what is kept for networks: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || slices.ContainsFunc(networks, func(network *Network) bool { return network.ID == entry.Name() }) {
			continue
		}
		path := filepath.Join(n.run, entry.Name())
		faults = append(faults, fault.Fault{
			What:   fmt.Sprintf("the folder %s is that of a network that there is no more", path),
			Repair: func() error { return os.RemoveAll(path) },
		})
	}
	return faults, nil
}

// checkRules asks whether the rules are all there, and no more. Before a container has
// been in a network there are none.
func (n *Networks) checkRules([]*Network) ([]fault.Fault, error) {
	lock, err := lockFile(n.rulesPath())
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	backend, _ := readStamp(lock)
	if backend == "" {
		return nil, nil
	}
	rules, err := n.wantedRules()
	if err != nil {
		return nil, err
	}
	whole, err := n.firewall(backend).has(rules)
	if err != nil || whole {
		return nil, err
	}
	return []fault.Fault{{What: "the rules of " + backend + " are not those that the networks need", Repair: func() error { return n.applyRules(true) }}}, nil
}

// has reports whether there are as many rules of ours in each chain as there should be.
func (f *netfilter) has(rules []rule) (bool, error) {
	there, err := f.count()
	if err != nil {
		return false, fmt.Errorf("list the rules of nftables: %w", err)
	}
	wanted := make(map[string]int)
	for _, rule := range rules {
		wanted[nftChains[rule.chain].name]++
	}
	for _, place := range nftChains {
		if there[place.name] != wanted[place.name] {
			return false, nil
		}
	}
	return true, nil
}
