package network

import (
	"errors"
	"fmt"
)

// Rename has a container that may be in networks be known by another name there.
func (n *Networks) Rename(id, name string) error {
	if !validName(name) {
		return fmt.Errorf("invalid container name %q", name)
	}
	endpoints, err := n.Endpoints(id)
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		if err := n.rename(endpoint.Network, id, name); err != nil {
			return err
		}
	}
	return nil
}

func (n *Networks) rename(network, id, name string) error {
	found, lock, err := n.open(network)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	endpoint, err := n.endpoint(found, id)
	if endpoint == nil || err != nil {
		return err
	}
	endpoint.Name = name
	if err := n.saveEndpoint(found, endpoint); err != nil {
		return err
	}
	return n.updateHosts(found, endpoint)
}
