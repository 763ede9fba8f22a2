package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Whoever changes networks or their addresses holds the lock of this folder.
func networksFolder(root string) string { return filepath.Join(root, "networks") }

func networkFile(root, network, name string) string {
	return filepath.Join(networksFolder(root), network, name)
}

// save makes the folder of a new network. It gets its name when all is in it.
func (n *Network) save(root string) error {
	folder, partial := networkFile(root, n.Name, ""), networkFile(root, ".partial", "")
	if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("the network name %q is taken", n.Name), err)
	}
	if err := n.write(partial); err != nil {
		return errors.Join(fmt.Errorf("write down the network %s: %w", n.Name, err), os.RemoveAll(partial))
	}
	if err := os.Rename(partial, folder); err != nil {
		return errors.Join(fmt.Errorf("write down the network %s: %w", n.Name, err), os.RemoveAll(partial))
	}
	return nil
}

func (n *Network) write(folder string) error {
	if err := os.RemoveAll(folder); err != nil { // of somebody who was killed at it
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	err := replaceFile(filepath.Join(folder, "network.json"), func(file io.Writer) error { return json.NewEncoder(file).Encode(n) })
	if err != nil {
		return err
	}
	return NewBitmap(n.Subnet).save(filepath.Join(folder, "addresses"))
}

// forget removes the folder: its name first, and then what is in it.
func (n *Network) forget(root string) error {
	partial := networkFile(root, ".partial", "")
	err := os.RemoveAll(partial)
	if err == nil {
		err = os.Rename(networkFile(root, n.Name, ""), partial)
	}
	if err == nil {
		err = os.RemoveAll(partial)
	}
	if err != nil {
		return fmt.Errorf("remove the record of the network %s: %w", n.Name, err)
	}
	return nil
}

// openNetwork locks all networks and reads one of them.
func openNetwork(root, name string) (network *Network, unlock func(), err error) {
	unlock, err = lock(networksFolder(root))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %s", errNoNetwork, name)
	}
	if err != nil {
		return nil, nil, err
	}
	if network, err = loadNetwork(root, name); err != nil {
		unlock()
		return nil, nil, err
	}
	return network, unlock, nil
}

var (
	errNoNetwork      = errors.New("no such network")
	errNetworkDamaged = errors.New("its network.json is damaged")
)

// loadNetwork reads the record of a network. It trusts no part of one that is not
// whole.
func loadNetwork(root, name string) (*Network, error) {
	if !containerName.MatchString(name) {
		return nil, fmt.Errorf("%w: %q", errNoNetwork, name)
	}
	content, err := os.ReadFile(networkFile(root, name, "network.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", errNoNetwork, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the network %s: %w", name, err)
	}
	network := &Network{}
	if json.Unmarshal(content, network) != nil || network.Name != name || network.Driver == "" || network.Bridge == "" ||
		checkSubnet(network.Subnet) != nil || network.Gateway != addressAt(network.Subnet, gatewayIndex) {
		return nil, fmt.Errorf("the network %s: %w", name, errNetworkDamaged)
	}
	return network, nil
}

// listNetworks returns all networks by their names. Of one that is damaged there is
// only the name.
func listNetworks(root string) ([]*Network, error) {
	entries, err := os.ReadDir(networksFolder(root))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list the networks: %w", err)
	}
	var networks []*Network
	for _, entry := range entries {
		network, err := loadNetwork(root, entry.Name())
		if errors.Is(err, errNetworkDamaged) {
			network, err = &Network{Name: entry.Name()}, nil
		}
		if err == nil { // else one that has just been removed
			networks = append(networks, network)
		}
	}
	return networks, nil
}
