package main

import (
	"fmt"

	"github.com/sirupsen/logrus"
	"github.com/vishvananda/netlink"
)

// What follows is done by init, which is in the container's network namespace from
// its birth: whoever is outside would have to go there first (setns(2)).

// setUpLoopback has 127.0.0.1 answer. A new namespace has that link, and it is down.
func setUpLoopback() error {
	logrus.Debug("init: ip link set lo up")
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback: %w", err)
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("set the loopback up: %w", err)
	}
	return nil
}

// configureInterface gives the container's end of the cable, eth0, its address, sets it
// up, and sends to the gateway all that is for somebody else.
//
//learn:exercise
func configureInterface(endpoint *Endpoint) error {
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0: %w", err)
	}
	address := addressOn(endpoint.Address, endpoint.Address.Addr())
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: address}); err != nil {
		return fmt.Errorf("give eth0 the address %s: %w", address, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set eth0 up: %w", err)
	}
	if err := netlink.RouteAdd(&netlink.Route{Gw: endpoint.Gateway.AsSlice()}); err != nil {
		return fmt.Errorf("route by the gateway %s: %w", endpoint.Gateway, err)
	}
	return nil
}
