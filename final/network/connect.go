package network

import (
	"fmt"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
)

// Connect joins a container that runs to one more network.
func (n *Networks) Connect(sandbox Sandbox, config EndpointConfig) (*Endpoint, error) {
	if err := sandbox.check(); err != nil {
		return nil, err
	}
	out, err := n.checkConfigs([]EndpointConfig{config})
	if err != nil {
		return nil, err
	}
	others, err := n.Endpoints(sandbox.ID)
	if err != nil {
		return nil, err
	}
	number := 0
	for slices.ContainsFunc(others, func(e *Endpoint) bool { return e.Interface == interfaceName(number) }) {
		number++
	}
	endpoint := config.endpoint(sandbox, number)
	endpoint.DefaultRoute = out == 0 && !slices.ContainsFunc(others, func(e *Endpoint) bool { return e.DefaultRoute })
	return endpoint, n.join(sandbox, config, endpoint)
}

// Disconnect takes a container that runs out of one network. If that was its way to the
// world, the next one that leads there is, and its ports are published there.
func (n *Networks) Disconnect(sandbox Sandbox, name string) error {
	if err := sandbox.check(); err != nil {
		return err
	}
	network, err := n.find(name)
	if err != nil {
		return err
	}
	endpoint, err := n.endpoint(network, sandbox.ID)
	if err != nil {
		return err
	}
	if endpoint == nil {
		return fmt.Errorf("%s: %w %s", sandbox.Name, ErrNotJoined, network.Name)
	}
	if err := n.part(network.Name, sandbox.ID, true); err != nil {
		return err
	}
	if !endpoint.DefaultRoute {
		return nil
	}
	others, err := n.Endpoints(sandbox.ID)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.Gateway.IsValid() {
			return n.succeed(sandbox, other, endpoint.Ports)
		}
	}
	return nil
}

// succeed has an endpoint be the way to the world.
func (n *Networks) succeed(sandbox Sandbox, heir *Endpoint, ports []Binding) error {
	network, lock, err := n.open(heir.Network)
	if err != nil {
		return err
	}
	defer lock.Close()
	namespace, err := os.Open(sandbox.NetNS)
	if err != nil {
		return fmt.Errorf("find the network namespace of %s: %w", sandbox.Name, err)
	}
	defer namespace.Close()
	heir.DefaultRoute, heir.Ports = true, ports
	if err := n.change(func() error { return n.saveEndpoint(network, heir) }); err != nil {
		return err
	}
	err = inside(namespace, func() error {
		n.logInside(namespace, "ip", "route", "replace", "default", "via", heir.Gateway.String())
		return netlink.RouteReplace(&netlink.Route{Gw: heir.Gateway.AsSlice()})
	})
	if err != nil {
		return fmt.Errorf("route by the gateway %s: %w", heir.Gateway, err)
	}
	return n.ensureRules()
}
