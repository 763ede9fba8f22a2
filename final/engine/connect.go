package engine

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"mytinydocker/final/network"
)

// Connect has a container be in one more network: at once if it runs, and whenever it is
// started from now on.
func (e *Engine) Connect(name string, config network.EndpointConfig) error {
	return e.changeNetworks(name, func(record *Record, networks *network.Networks, sandbox *network.Sandbox) error {
		found, err := networks.Inspect(config.Network)
		if err != nil {
			return err
		}
		config.Network = found.Name
		if config.Network == network.Host || config.Network == network.None {
			return fmt.Errorf("the network %s can only be given when a container is made", config.Network)
		}
		if slices.ContainsFunc(record.Network.Endpoints, func(c network.EndpointConfig) bool { return c.Network == config.Network }) {
			return fmt.Errorf("the container %s is in the network %s already", name, config.Network)
		}
		record.Network.Endpoints = append(record.Network.Endpoints, config)
		if sandbox == nil {
			return nil
		}
		_, err = networks.Connect(*sandbox, config)
		return err
	})
}

// Disconnect takes a container out of a network. With force, it is fine if it is not in
// there.
func (e *Engine) Disconnect(name, from string, force bool) error {
	return e.changeNetworks(name, func(record *Record, networks *network.Networks, sandbox *network.Sandbox) error {
		if found, err := networks.Inspect(from); err == nil {
			from = found.Name
		}
		before := len(record.Network.Endpoints)
		record.Network.Endpoints = slices.DeleteFunc(record.Network.Endpoints, func(c network.EndpointConfig) bool { return c.Network == from })
		if len(record.Network.Endpoints) == before && !force {
			return fmt.Errorf("the container %s is not in the network %s", name, from)
		}
		if sandbox == nil {
			return nil
		}
		err := networks.Disconnect(*sandbox, from)
		if force && (errors.Is(err, network.ErrNotFound) || errors.Is(err, network.ErrNotJoined)) {
			return nil
		}
		return err
	})
}

// changeNetworks calls change with the record of a container, which is written behind
// that, and with the container, if it runs.
func (e *Engine) changeNetworks(name string, change func(*Record, *network.Networks, *network.Sandbox) error) error {
	container, err := e.Get(name)
	if err != nil {
		return err
	}
	networks, err := e.Networks()
	if err != nil {
		return err
	}
	_, err = e.updateRecord(container.ID, func(record *Record) error {
		if !record.Network.own() {
			return fmt.Errorf("the container %s has no network of its own: it was made with another --network", name)
		}
		namespace, err := e.runningNamespace(record.ID)
		if err != nil || namespace == nil {
			return errors.Join(err, change(record, networks, nil))
		}
		defer namespace.Close()
		sandbox := e.sandbox(record, fmt.Sprintf("/proc/self/fd/%d", namespace.Fd()))
		return change(record, networks, &sandbox)
	})
	return err
}

// runningNamespace opens the network namespace of a container, or returns nil if it does
// not run.
func (e *Engine) runningNamespace(id string) (*os.File, error) {
	state, err := e.readState(id)
	if err == nil {
		var namespace *os.File
		if namespace, err = namespaceOf(state.Program); err == nil {
			return namespace, nil
		}
	}
	if errors.Is(err, errNoProcess) {
		return nil, nil
	}
	return nil, err
}

// Endpoints returns where a container is joined to networks now.
func (e *Engine) Endpoints(id string) ([]*network.Endpoint, error) {
	networks, err := e.Networks()
	if err != nil {
		return nil, err
	}
	return networks.Endpoints(id)
}

// NetworksUsed returns the names of the networks that containers want to be in, whether
// they run or not.
func (e *Engine) NetworksUsed() ([]string, error) {
	list, err := e.List()
	if err != nil {
		return nil, err
	}
	var used []string
	for _, container := range list {
		for _, config := range container.Network.Endpoints {
			used = append(used, config.Network)
		}
	}
	return used, nil
}
