package network

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Details is a network and those who are in it.
type Details struct {
	Network
	Damaged    bool        `json:"damaged,omitempty"` // of such a one there is only the name
	Containers []*Endpoint `json:"containers"`        // that live, by their addresses
}

// List returns all networks by their names, those that always are among them.
func (n *Networks) List() ([]Network, error) {
	names, err := n.names()
	if err != nil {
		return nil, err
	}
	all := []Network{{Name: Host, Driver: Host}, {Name: None, Driver: "null"}}
	if !slices.Contains(names, Default) {
		all = append(all, Network{Name: Default, Driver: "bridge"})
	}
	for _, name := range names {
		network, err := n.load(name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if errors.Is(err, ErrDamaged) {
			network, err = &Network{Name: name, Driver: "damaged"}, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, *network)
	}
	slices.SortFunc(all, func(a, b Network) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Inspect returns a network with those who are in it.
func (n *Networks) Inspect(name string) (*Details, error) {
	if name == Default {
		if err := n.ensureDefault(); err != nil {
			return nil, err
		}
	}
	switch name {
	case Host:
		return &Details{Network: Network{Name: Host, Driver: Host}}, nil
	case None:
		return &Details{Network: Network{Name: None, Driver: "null"}}, nil
	}
	network, err := n.find(name)
	if err != nil {
		return nil, err
	}
	endpoints, err := n.livingEndpoints(network)
	return &Details{Network: *network, Containers: endpoints}, err
}

func (n *Networks) livingEndpoints(network *Network) ([]*Endpoint, error) {
	endpoints, err := n.endpointsOf(network)
	return slices.DeleteFunc(endpoints, func(e *Endpoint) bool { return !n.alive(e.ContainerID) }), err
}

// Remove removes a network in which no container lives. Of one whose record is damaged
// nobody knows more than its name; what it was to the kernel is found by Check.
func (n *Networks) Remove(name string) error {
	if _, err := n.load(name); errors.Is(err, ErrDamaged) {
		return n.removeDamaged(name)
	}
	if slices.Contains([]string{Default, Host, None}, name) {
		return fmt.Errorf("the network %s is always there", name)
	}
	list, err := n.lockAll()
	if err != nil {
		return err
	}
	defer list.Close()
	network, lock, err := n.open(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	living, err := n.livingEndpoints(network)
	if err != nil {
		return err
	}
	if len(living) > 0 {
		var names []string
		for _, endpoint := range living {
			names = append(names, endpoint.Name)
		}
		return fmt.Errorf("the network %s is in use by %s: stop or disconnect them first", network.Name, strings.Join(names, ", "))
	}
	return n.demolish(network)
}

func (n *Networks) removeDamaged(name string) error {
	list, err := n.lockAll()
	if err != nil {
		return err
	}
	defer list.Close()
	if _, err := n.load(name); !errors.Is(err, ErrDamaged) {
		return err // somebody has just done so
	}
	if err := n.change(func() error { return os.RemoveAll(n.recordPath(name)) }); err != nil {
		return fmt.Errorf("remove the record of the network %s: %w", name, err)
	}
	return n.ensureRules()
}

// Prune removes the networks in which no container lives and of which used does not say
// that somebody wants to have them, and returns their names.
func (n *Networks) Prune(used func(name string) bool) ([]string, error) {
	list, err := n.lockAll()
	if err != nil {
		return nil, err
	}
	list.Close() // there is nothing half now; each network is removed by itself
	networks, err := n.records()
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, network := range networks {
		living, err := n.livingEndpoints(network)
		if err != nil {
			return removed, err
		}
		if network.Name == Default || len(living) > 0 || used != nil && used(network.Name) {
			continue
		}
		if err := n.Remove(network.Name); err != nil {
			return removed, err
		}
		removed = append(removed, network.Name)
	}
	return removed, nil
}
