package network

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// ensure has a network be to the kernel what its record says, and makes what of it is
// not there: after a boot, nothing is; and there are those who flush rules and remove
// links. Its caller has the lock of the network.
func (n *Networks) ensure(network *Network) (bridge netlink.Link, err error) {
	if bridge, err = n.ensureBridge(network); err != nil {
		return nil, err
	}
	if !network.Internal {
		if err := n.ensureForwarding(); err != nil {
			return nil, err
		}
	}
	return bridge, n.ensureRules()
}

// Reload has all networks be to the kernel what they should, without a look at what is
// there: links that have been removed or set down, and rules that have been flushed. It
// asks anew which backend suits the host. It may be done at any time.
func (n *Networks) Reload() error {
	networks, err := n.records()
	if err != nil {
		return err
	}
	for _, network := range networks {
		if err := n.reload(network.Name); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return n.applyRules(true)
}

func (n *Networks) reload(name string) error {
	network, lock, err := n.open(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	bridge, err := n.ensureBridge(network)
	if err != nil {
		return err
	}
	if err := n.rejoin(network, bridge); err != nil {
		return err
	}
	if !network.Internal {
		if err := n.ensureForwarding(); err != nil {
			return err
		}
	}
	return n.updateHosts(network, nil)
}
