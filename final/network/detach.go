package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
)

// Detach takes a container out of all its networks, at its end. It may be done twice,
// and to one that is in none.
//
// The kernel removes the cables with the namespace that they lead to, some time after
// its last process: nobody waits for that. If somebody else is in the namespace still,
// kept says so, and they are removed here.
func (n *Networks) Detach(id string, kept bool) error {
	networks, endpoints, err := n.endpointsIn(id)
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		if err := n.part(endpoint.Network, id, kept); err != nil {
			return err
		}
	}
	if err := n.removeHalfEndpoints(networks, id); err != nil {
		return err
	}
	return n.settleRules()
}

// removeHalfEndpoints removes the records of a container's endpoints that were not
// finished, and gives back the addresses that these were to have: who writes one has the
// lock of its network.
func (n *Networks) removeHalfEndpoints(networks []*Network, id string) error {
	for _, network := range networks {
		half := n.halfEndpointPath(network, id)
		if _, err := os.Lstat(half); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := n.removeHalfEndpoint(network.Name, id); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

func (n *Networks) removeHalfEndpoint(name, id string) error {
	network, lock, err := n.open(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	endpoint, err := n.endpoint(network, id)
	if err != nil {
		return err
	}
	err = n.withAddresses(network, func(a *addresses) error {
		var lost []netip.Addr
		err := a.Owned(func(address netip.Addr, owner string) error {
			if owner == id && (endpoint == nil || endpoint.Address.Addr() != address) {
				lost = append(lost, address)
			}
			return nil
		})
		for _, address := range lost {
			err = errors.Join(err, a.Release(address, id))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("give back the address of half an endpoint of %.12s: %w", id, err)
	}
	err = os.Remove(n.halfEndpointPath(network, id))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove half an endpoint of %.12s: %w", id, err)
	}
	return nil
}

// part takes a container out of one network.
func (n *Networks) part(name, id string, kept bool) error {
	network, lock, err := n.open(name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	endpoint, err := n.endpoint(network, id)
	if endpoint == nil || err != nil {
		return err
	}
	if kept {
		if err := n.cutCable(endpoint); err != nil {
			return err
		}
	}
	if err := n.leave(network, endpoint); err != nil {
		return err
	}
	return n.updateHosts(network, endpoint)
}

// leave removes all that an endpoint has but its cable: what is published, the connections
// that the kernel remembers, and then its address, which somebody else may have at once.
// The record goes last. The caller has the lock of the network.
func (n *Networks) leave(network *Network, endpoint *Endpoint) error {
	published := endpoint.Ports
	if len(published) > 0 {
		silent := *endpoint
		silent.Ports = nil
		if err := n.change(func() error { return n.saveEndpoint(network, &silent) }); err != nil {
			return err
		}
		if err := n.ensureRules(); err != nil {
			return err
		}
	}
	if err := n.forgetFlows(endpoint); err != nil {
		return err
	}
	err := n.withAddresses(network, func(a *addresses) error { return a.Release(endpoint.Address.Addr(), endpoint.ContainerID) })
	if err != nil {
		return fmt.Errorf("give back the address %s: %w", endpoint.Address.Addr(), err)
	}
	err = os.Remove(n.endpointPath(network, endpoint.ContainerID))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the record of %s in the network %s: %w", endpoint.Name, network.Name, err)
	}
	return nil
}
