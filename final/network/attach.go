package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
)

// Sandbox is a container as far as networks go.
type Sandbox struct {
	ID        string
	Name      string
	Hostname  string
	NetNS     string // path of its network namespace, as in /proc/PID/ns/net
	HostsFile string // that it has as /etc/hosts; "" for none
}

// EndpointConfig is what a user asks of the place of a container in a network.
type EndpointConfig struct {
	Network      string     `json:"network"`
	IP           netip.Addr `json:"ip,omitzero"`               // the zero value is one that is free
	HardwareAddr string     `json:"hardwareAddress,omitempty"` // "" is one that goes with the IP address
	Aliases      []string   `json:"aliases,omitempty"`         // names besides its own
}

// Attach joins a container to networks, before its program runs: by eth0 to the first,
// by eth1 to the second, and so on. The first that is not internal is the way to the
// world, and the one in which the reserved ports are published. On an error the
// container is in no network.
//
// The caller holds the container's lock, or else others take it for dead.
func (n *Networks) Attach(sandbox Sandbox, configs []EndpointConfig, ports *Reservation) (_ []*Endpoint, err error) {
	if err := sandbox.check(); err != nil {
		return nil, err
	}
	out, err := n.checkConfigs(configs)
	if err != nil {
		return nil, err
	}
	if out < 0 && len(ports.Bindings()) > 0 {
		return nil, errors.New("publish ports: it takes a network that is not internal")
	}
	// What is left of an earlier life.
	if err := n.Detach(sandbox.ID, true); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Detach(sandbox.ID, true))
		}
	}()
	var endpoints []*Endpoint
	for index, config := range configs {
		endpoint := config.endpoint(sandbox, index)
		if index == out {
			endpoint.DefaultRoute, endpoint.Ports = true, ports.Bindings()
		}
		if err := n.join(sandbox, config, endpoint); err != nil {
			return nil, err
		}
		endpoints = append(endpoints, endpoint)
	}
	return endpoints, nil
}

// checkConfigs looks for what is wrong before anything is made. It returns which is the
// first network that is not internal, or -1.
func (n *Networks) checkConfigs(configs []EndpointConfig) (out int, err error) {
	seen := make(map[string]bool)
	out = -1
	for index, config := range configs {
		if config.Network == Default {
			if err := n.ensureDefault(); err != nil {
				return 0, err
			}
		}
		network, err := n.find(config.Network)
		if err != nil {
			return 0, err
		}
		if seen[network.ID] {
			return 0, fmt.Errorf("the network %s is named twice", network.Name)
		}
		seen[network.ID] = true
		if err := config.check(network); err != nil {
			return 0, err
		}
		if out < 0 && !network.Internal {
			out = index
		}
	}
	return out, nil
}

// join makes an endpoint real. On an error nothing of it is left.
func (n *Networks) join(sandbox Sandbox, config EndpointConfig, endpoint *Endpoint) (err error) {
	namespace, err := os.Open(sandbox.NetNS)
	if err != nil {
		return fmt.Errorf("find the network namespace of %s: %w", sandbox.Name, err)
	}
	defer namespace.Close()
	network, lock, err := n.open(config.Network)
	if err != nil {
		return err
	}
	defer lock.Close()
	if other, err := n.endpoint(network, sandbox.ID); other != nil || err != nil {
		return errors.Join(err, fmt.Errorf("%s is in the network %s already", sandbox.Name, network.Name))
	}
	bridge, err := n.ensure(network)
	if err != nil {
		return err
	}
	if err := n.announceEndpoint(network, sandbox.ID); err != nil {
		return err
	}
	address, err := n.takeAddress(network, config.IP, sandbox.ID)
	if err != nil {
		return errors.Join(err, os.Remove(n.halfEndpointPath(network, sandbox.ID)))
	}
	endpoint.in(network, address)
	defer func() {
		if err != nil {
			err = errors.Join(err, n.cutCable(endpoint), n.leave(network, endpoint))
		}
	}()
	save := func() error { return n.saveEndpoint(network, endpoint) }
	if len(endpoint.Ports) > 0 {
		err = n.change(save)
	} else {
		err = save()
	}
	if err != nil {
		return err
	}
	if err := n.wire(bridge, namespace, endpoint); err != nil {
		return err
	}
	return n.updateHosts(network, endpoint)
}

// wire makes what the kernel has of an endpoint.
func (n *Networks) wire(bridge netlink.Link, namespace *os.File, endpoint *Endpoint) error {
	if err := n.withoutIPv6(namespace); err != nil {
		return err
	}
	if err := n.layCable(bridge, namespace, endpoint); err != nil {
		return err
	}
	if err := n.configure(namespace, endpoint); err != nil {
		return err
	}
	if len(endpoint.Ports) == 0 {
		return nil
	}
	if err := n.ensureRules(); err != nil {
		return err
	}
	return n.forgetFlows(endpoint)
}
