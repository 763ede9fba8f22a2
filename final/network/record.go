package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// Network is a subnet that containers have addresses in, and the bridge that joins
// them.
type Network struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Driver       string            `json:"driver"`
	Subnet       netip.Prefix      `json:"subnet,omitzero"`
	Gateway      netip.Addr        `json:"gateway,omitzero"`  // the bridge's address
	Range        netip.Prefix      `json:"range,omitzero"`    // of the addresses that are given
	Internal     bool              `json:"internal"`          // nobody gets in or out
	Bridge       string            `json:"bridge,omitempty"`  // name of the link
	HardwareAddr string            `json:"address,omitempty"` // of the link; it is known by it
	Labels       map[string]string `json:"labels,omitempty"`
	Created      time.Time         `json:"created,omitzero"`
}

// The networks that always are. Two are no networks: a container has the host's own
// links, or none.
const (
	Default = "bridge"
	Host    = "host"
	None    = "none"
)

// What can be wrong with a network that somebody names, or with a place in it.
var (
	ErrNotFound  = errors.New("no such network")
	ErrDamaged   = errors.New("its record is damaged")
	ErrNotJoined = errors.New("it is not in the network")
)

// load reads the record of a network. It trusts no part of one that is not whole.
func (n *Networks) load(name string) (*Network, error) {
	if !validName(name) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	content, err := os.ReadFile(n.recordPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	network := &Network{}
	if err != nil || json.Unmarshal(content, network) != nil || !network.whole(name) {
		return nil, fmt.Errorf("the network %s: %w: remove it (tinydocker network rm %s)", name, ErrDamaged, name)
	}
	return network, nil
}

func (n *Network) whole(name string) bool {
	_, err := net.ParseMAC(n.HardwareAddr)
	return err == nil && n.Name == name && len(n.ID) == 64 && validName(n.ID) && n.Driver == "bridge" &&
		checkSubnet(n.Subnet) == nil && n.checkAddresses() == nil &&
		strings.HasPrefix(n.Bridge, linkPrefix) && len(n.Bridge) <= maxLinkName && validName(n.Bridge)
}

// find returns the network with a name, an id, or an id that begins so.
func (n *Networks) find(name string) (*Network, error) {
	network, err := n.load(name)
	if !errors.Is(err, ErrNotFound) {
		return network, err
	}
	all, failure := n.records()
	if failure != nil {
		return nil, failure
	}
	var found []*Network
	for _, network := range all {
		if name != "" && strings.HasPrefix(network.ID, name) {
			found = append(found, network)
		}
	}
	switch len(found) {
	case 0:
		return nil, err
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("%s is the beginning of the ids of %d networks: give more of it", name, len(found))
	}
}

// records returns all networks that have a whole record, by their names.
func (n *Networks) records() ([]*Network, error) {
	names, err := n.names()
	if err != nil {
		return nil, err
	}
	var networks []*Network
	for _, name := range names {
		network, err := n.load(name)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
			continue // just removed, or nobody can say what it is
		}
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// names returns the names of all networks, sorted.
func (n *Networks) names() ([]string, error) {
	entries, err := os.ReadDir(n.root)
	if err != nil {
		return nil, fmt.Errorf("list the networks: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if name, found := strings.CutSuffix(entry.Name(), ".json"); found && validName(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
