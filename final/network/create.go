package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"
)

// Config is what a user asks of a new network.
type Config struct {
	Name     string
	Driver   string       // "" is bridge
	Subnet   netip.Prefix // the zero value is one that is free
	Gateway  netip.Addr   // the zero value is the first address
	Range    netip.Prefix // of the addresses that are given; the zero value is the subnet
	Internal bool
	IPv6     bool // is refused
	Labels   map[string]string
}

// Create makes a network. On an error nothing of it is left.
func (n *Networks) Create(config Config) (*Network, error) {
	if slices.Contains([]string{Default, Host, None, "default"}, config.Name) {
		return nil, fmt.Errorf("invalid network name %q: it has a meaning of its own", config.Name)
	}
	lock, err := n.lockAll()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	return n.create(config)
}

// ensureDefault makes the network that containers are in if nobody says otherwise, at
// its first use.
func (n *Networks) ensureDefault() error {
	if _, err := n.load(Default); !errors.Is(err, ErrNotFound) {
		return err
	}
	lock, err := n.lockAll()
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := n.load(Default); !errors.Is(err, ErrNotFound) {
		return err
	}
	_, err = n.create(Config{Name: Default})
	return err
}

// create writes the record first: whatever becomes of us, what we make is known by it.
func (n *Networks) create(config Config) (_ *Network, err error) {
	network, err := n.newNetwork(config)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(n.folder(network, "lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, n.demolish(network))
		}
	}()
	err = n.change(func() error { return writeJSON(n.recordPath(network.Name), network, true) })
	if err != nil {
		return nil, fmt.Errorf("record the network %s: %w", network.Name, err)
	}
	if err := n.makeBridge(network); err != nil {
		return nil, err
	}
	_, err = n.ensure(network)
	return network, err
}

// newNetwork returns a network that could be made.
func (n *Networks) newNetwork(config Config) (*Network, error) {
	if !validName(config.Name) || len(config.Name) > 64 {
		return nil, fmt.Errorf("invalid network name %q: 1 to 64 letters, digits and _ . -, a letter or digit first", config.Name)
	}
	if config.Driver != "" && config.Driver != "bridge" {
		return nil, fmt.Errorf("unknown network driver %q: there is bridge", config.Driver)
	}
	if config.IPv6 || config.Subnet.Addr().Is6() {
		return nil, errors.New("networks have IPv4 addresses only: leave out --ipv6 and subnets of IPv6")
	}
	if _, err := os.Lstat(n.recordPath(config.Name)); err == nil {
		return nil, fmt.Errorf("the network name %q is taken: remove that one or choose another", config.Name)
	}
	network := &Network{
		ID: randomHex(32), Name: config.Name, Driver: "bridge", Subnet: config.Subnet, Gateway: config.Gateway, Range: config.Range,
		Internal: config.Internal, Labels: config.Labels, Created: time.Now().UTC(), HardwareAddr: n.newHardwareAddress().String(),
	}
	var err error
	if network.Bridge, err = freeLinkName(config.Name); err != nil {
		return nil, err
	}
	all, err := n.takenSubnets()
	if err != nil {
		return nil, err
	}
	if !network.Subnet.IsValid() {
		if network.Subnet, err = chooseSubnet(all); err != nil {
			return nil, err
		}
	}
	if err := checkSubnet(network.Subnet); err != nil {
		return nil, err
	}
	if other := overlapping(network.Subnet, all); other != nil {
		return nil, fmt.Errorf("the subnet %s overlaps %s: %s", network.Subnet, other.subnet, other.by)
	}
	return network, network.complete()
}

// complete fills in what the user has left open, and checks the rest.
func (n *Network) complete() error {
	if !n.Gateway.IsValid() {
		n.Gateway = addressAt(n.Subnet, 1)
	}
	if !n.Range.IsValid() {
		n.Range = n.Subnet
	}
	return n.checkAddresses()
}
