package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Endpoint is where a container is joined to a network.
type Endpoint struct {
	ContainerID  string       `json:"containerID"`
	Name         string       `json:"name"` // of the container
	Hostname     string       `json:"hostname,omitempty"`
	Aliases      []string     `json:"aliases,omitempty"`
	Network      string       `json:"network"`
	NetworkID    string       `json:"networkID"`
	Link         string       `json:"link"`      // the host's end of the cable
	Interface    string       `json:"interface"` // the container's
	HardwareAddr string       `json:"hardwareAddress"`
	Address      netip.Prefix `json:"address"`          // with the size of the subnet
	Gateway      netip.Addr   `json:"gateway,omitzero"` // none in an internal network
	DefaultRoute bool         `json:"defaultRoute"`     // whether all that is for the world goes here
	Ports        []Binding    `json:"ports,omitempty"`  // that are published here
	HostsFile    string       `json:"hosts,omitempty"`  // that the container has as /etc/hosts
}

func (n *Networks) endpointPath(network *Network, id string) string {
	return n.folder(network, "endpoints/"+id+".json")
}

// halfEndpointPath is where a record is until it is whole (writeJSON).
func (n *Networks) halfEndpointPath(network *Network, id string) string {
	return n.endpointPath(network, id) + ".new"
}

// announceEndpoint leaves half a record, before there is an address that belongs to it:
// whoever is killed between the two is found by that (removeHalfEndpoints). saveEndpoint
// makes it a whole one. The caller has the network's lock.
func (n *Networks) announceEndpoint(network *Network, id string) error {
	path := n.halfEndpointPath(network, id)
	half, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			half, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		}
	}
	if err == nil {
		err = half.Close()
	}
	if err != nil {
		return fmt.Errorf("record that %.12s is to be in the network %s: %w", id, network.Name, err)
	}
	return nil
}

// saveEndpoint is called with the network's lock, before what it speaks of is made.
func (n *Networks) saveEndpoint(network *Network, endpoint *Endpoint) error {
	if err := writeJSON(n.endpointPath(network, endpoint.ContainerID), endpoint, false); err != nil {
		return fmt.Errorf("record that %s is in the network %s: %w", endpoint.Name, network.Name, err)
	}
	return nil
}

// endpoint returns the endpoint that a container has in a network, or nil. One whose
// record is damaged is as good as none: its address is found again by the owner that
// is kept with it.
func (n *Networks) endpoint(network *Network, id string) (*Endpoint, error) {
	content, err := os.ReadFile(n.endpointPath(network, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the endpoint of %.12s in the network %s: %w", id, network.Name, err)
	}
	endpoint := &Endpoint{}
	if json.Unmarshal(content, endpoint) != nil || endpoint.ContainerID != id || endpoint.NetworkID != network.ID ||
		!network.Subnet.Contains(endpoint.Address.Addr()) {
		return nil, nil
	}
	return endpoint, nil
}

// endpointsOf returns the endpoints of a network, by their addresses: also those of
// containers that are dead.
func (n *Networks) endpointsOf(network *Network) ([]*Endpoint, error) {
	ids, err := n.endpointIDs(network)
	if err != nil {
		return nil, err
	}
	var endpoints []*Endpoint
	for _, id := range ids {
		endpoint, err := n.endpoint(network, id)
		if err != nil {
			return nil, err
		}
		if endpoint != nil {
			endpoints = append(endpoints, endpoint)
		}
	}
	slices.SortFunc(endpoints, func(a, b *Endpoint) int { return a.Address.Addr().Compare(b.Address.Addr()) })
	return endpoints, nil
}

func (n *Networks) endpointIDs(network *Network) ([]string, error) {
	entries, err := os.ReadDir(n.folder(network, "endpoints"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the endpoints of the network %s: %w", network.Name, err)
	}
	var ids []string
	for _, entry := range entries {
		if id, found := strings.CutSuffix(entry.Name(), ".json"); found && validName(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// endpoints returns all endpoints of all networks.
func (n *Networks) endpoints() ([]*Endpoint, error) {
	networks, err := n.records()
	if err != nil {
		return nil, err
	}
	var all []*Endpoint
	for _, network := range networks {
		endpoints, err := n.endpointsOf(network)
		if err != nil {
			return nil, err
		}
		all = append(all, endpoints...)
	}
	return all, nil
}

// Endpoints returns where a container is joined to networks, in the order of its
// interfaces.
func (n *Networks) Endpoints(id string) ([]*Endpoint, error) {
	_, found, err := n.endpointsIn(id)
	return found, err
}

// endpointsIn returns all networks, too, that it has looked in.
func (n *Networks) endpointsIn(id string) (networks []*Network, found []*Endpoint, err error) {
	if !validName(id) {
		return nil, nil, fmt.Errorf("invalid container id %q", id)
	}
	if networks, err = n.records(); err != nil {
		return nil, nil, err
	}
	for _, network := range networks {
		endpoint, err := n.endpoint(network, id)
		if err != nil {
			return nil, nil, err
		}
		if endpoint != nil {
			found = append(found, endpoint)
		}
	}
	slices.SortFunc(found, func(a, b *Endpoint) int {
		if difference := len(a.Interface) - len(b.Interface); difference != 0 {
			return difference // eth9 and eth10
		}
		return strings.Compare(a.Interface, b.Interface)
	})
	return networks, found, nil
}
