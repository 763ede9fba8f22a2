package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"text/tabwriter"
)

// Network is a subnet that containers have addresses in, and the bridge that joins
// them. It is kept as a folder ROOT/networks/NAME: network.json is this record,
// addresses is the bitmap, and each container has a file with its address.
type Network struct {
	Name    string
	Driver  string
	Subnet  netip.Prefix
	Gateway netip.Addr // the bridge's address
	Bridge  string     // name of the link, which has room for 15 bytes and is ours alone
}

// newNetwork returns a network that could be made, as far as it depends on itself.
func newNetwork(name, driver, subnet string) (*Network, error) {
	if !containerName.MatchString(name) {
		return nil, fmt.Errorf("invalid network name %q: 2 to 64 letters, digits and _ . -, a letter or digit first", name)
	}
	if driver != "bridge" {
		return nil, fmt.Errorf("unknown network driver %q: there is bridge", driver)
	}
	if subnet == "" {
		return nil, errors.New("a network needs a subnet, as in --subnet 10.1.0.0/24")
	}
	parsed, err := parseSubnet(subnet)
	if err != nil {
		return nil, err
	}
	return &Network{
		Name: name, Driver: driver, Subnet: parsed, Gateway: addressAt(parsed, gatewayIndex),
		Bridge: "br-" + randomName(),
	}, nil
}

// randomName returns 40 random bits as 8 letters and digits.
func randomName() string { return strings.ToLower(rand.Text()[:8]) }

// CreateNetwork makes a network. On an error nothing of it is left.
func CreateNetwork(root, name, driver, subnet string) error {
	network, err := newNetwork(name, driver, subnet)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(networksFolder(root), 0o700); err != nil {
		return fmt.Errorf("make the folder of networks: %w", err)
	}
	unlock, err := lock(networksFolder(root))
	if err != nil {
		return err
	}
	defer unlock()
	return network.create(root)
}

// create makes the record first: whatever becomes of us, what we make is known by it.
func (n *Network) create(root string) (err error) {
	if err := n.checkFree(root); err != nil {
		return err
	}
	if err := n.save(root); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.forget(root))
		}
	}()
	if err := n.makeBridge(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.removeBridge())
		}
	}()
	return n.setUp()
}

// RemoveNetwork removes a network in which no container has an address. The record
// goes last, so that a removal that has failed can be tried again.
func RemoveNetwork(root, name string) error {
	network, unlock, err := openNetwork(root, name)
	if err != nil {
		return err
	}
	defer unlock()
	bitmap, err := network.addresses(root)
	if err != nil {
		return err
	}
	if bitmap.InUse() {
		return fmt.Errorf("the network %s is in use: remove its containers first", name)
	}
	if err := removeRules(networkRules(network)); err != nil {
		return err
	}
	if err := network.removeBridge(); err != nil {
		return err
	}
	return network.forget(root)
}

// ListNetworks prints the networks by their names.
func ListNetworks(root string, to io.Writer) error {
	networks, err := listNetworks(root)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tDRIVER\tSUBNET\tGATEWAY")
	for _, network := range networks {
		if network.Driver == "" {
			fmt.Fprintf(table, "%s\tDamaged\t\t\n", network.Name)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", network.Name, network.Driver, network.Subnet, network.Gateway)
	}
	return table.Flush()
}
