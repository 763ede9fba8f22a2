package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
)

// demolish removes all that a network is. The caller has the lock of the list and that
// of the network. Whoever is killed at it leaves rules that the next command removes.
func (n *Networks) demolish(network *Network) error {
	if err := n.removeBridge(network); err != nil {
		return err
	}
	err := n.change(func() error { return os.Remove(n.recordPath(network.Name)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the record of the network %s: %w", network.Name, err)
	}
	if err := n.removeState(network); err != nil {
		return err
	}
	others, err := n.names()
	if err != nil {
		return err
	}
	if len(others) == 0 {
		if err := n.closeForwarding(); err != nil {
			return err
		}
	}
	return n.ensureRules()
}

// Reset removes all networks, also the one that is always there, and those in which
// containers live, which are cut off: for who removes the tool itself.
func (n *Networks) Reset() error {
	list, err := n.lockAll()
	if err != nil {
		return err
	}
	defer list.Close()
	networks, err := n.records()
	if err != nil {
		return err
	}
	for _, network := range networks {
		if err := n.reset(network.Name); err != nil {
			return err
		}
	}
	return nil
}

func (n *Networks) reset(name string) error {
	network, lock, err := n.open(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	endpoints, err := n.endpointsOf(network)
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		if err := n.cutCable(endpoint); err != nil {
			return err
		}
	}
	return n.demolish(network)
}

// Gateway returns the address that the host has in a network, and no address if that is
// internal. The default network is made for it.
func (n *Networks) Gateway(name string) (netip.Addr, error) {
	details, err := n.Inspect(name)
	if err != nil || details.Internal {
		return netip.Addr{}, err
	}
	return details.Gateway, nil
}
