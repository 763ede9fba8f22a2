package main

import "github.com/sirupsen/logrus"

// A container that is in no network has no endpoint: then there is nothing to do.

// connect takes an address for the container, before there is anything to connect.
func (c *Container) connect() (err error) {
	if c.options.Network != "" {
		c.endpoint, err = Connect(c.options.Root, c.options.Network, c.options.Ports)
	}
	return err
}

// attach joins the container to its network.
func (c *Container) attach(pid int) error {
	if c.endpoint == nil {
		return nil
	}
	e := c.endpoint
	logrus.Debugf("run: ip link add %s master %s type veth peer name eth0 netns %d", e.Link, e.Bridge, pid)
	logrus.Debugf("run: bridge link set dev %s hairpin on; ip link set %s up", e.Link, e.Link)
	return e.attach(pid)
}

// disconnect takes the container out of its network.
func (c *Container) disconnect() error {
	if c.endpoint == nil {
		return nil
	}
	return c.endpoint.Disconnect(c.options.Root)
}
