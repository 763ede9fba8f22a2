package network

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Reservation is some ports of the host that nobody else gets as long as it is held.
type Reservation struct {
	bindings []Binding
	sockets  []int
}

// Bindings returns the ports, in the order in which they were asked for. That of a
// nil reservation has none.
func (r *Reservation) Bindings() []Binding {
	if r == nil {
		return nil
	}
	return r.bindings
}

// Close gives the ports up. It may be done twice, and to nil.
func (r *Reservation) Close() {
	if r == nil {
		return
	}
	for _, socket := range r.sockets {
		unix.Close(socket)
	}
	r.sockets = nil
}

// Reserve takes ports of the host for a container, all or none. They are taken until
// the reservation is closed or this process ends: so a container's watcher holds it.
// It is the first thing to do, before anything of the container is made.
func (n *Networks) Reserve(mappings []PortMapping) (*Reservation, error) {
	reservation, err := reserve(mappings)
	if err == nil || len(mappings) == 0 {
		return reservation, err
	}
	return nil, n.nameHolder(err)
}

func reserve(mappings []PortMapping) (*Reservation, error) {
	reservation := &Reservation{}
	for _, mapping := range mappings {
		if err := reservation.add(mapping); err != nil {
			reservation.Close()
			return nil, err
		}
	}
	return reservation, nil
}

// add takes the first port of a mapping that is free.
func (r *Reservation) add(mapping PortMapping) error {
	for port := int(mapping.Host); ; port++ {
		binding, socket, err := bind(mapping, uint16(port))
		if err == nil {
			r.bindings, r.sockets = append(r.bindings, binding), append(r.sockets, socket)
			return nil
		}
		if port >= int(mapping.HostLast) || !errors.Is(err, unix.EADDRINUSE) {
			return &portError{Binding{mapping.HostIP, uint16(port), mapping.Container, mapping.Protocol}, mapping, err}
		}
	}
}

// bind binds a socket to a port of the host. To be bound is all that it is for: it
// answers nobody, and what comes for the port goes to the container before it gets to
// the socket.
//
// It has not SO_REUSEADDR (socket(7)), so that two who do this cannot both have a port.
func bind(mapping PortMapping, port uint16) (Binding, int, error) {
	kind := unix.SOCK_STREAM
	if mapping.Protocol == "udp" {
		kind = unix.SOCK_DGRAM
	}
	socket, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Binding{}, 0, err
	}
	address := &unix.SockaddrInet4{Port: int(port)}
	if mapping.HostIP.IsValid() {
		address.Addr = mapping.HostIP.As4()
	}
	if err := unix.Bind(socket, address); err != nil {
		unix.Close(socket)
		return Binding{}, 0, err
	}
	bound, err := unix.Getsockname(socket)
	if err != nil {
		unix.Close(socket)
		return Binding{}, 0, err
	}
	port = uint16(bound.(*unix.SockaddrInet4).Port)
	return Binding{mapping.HostIP, port, mapping.Container, mapping.Protocol}, socket, nil
}

// portError is why a port cannot be published.
type portError struct {
	binding Binding
	mapping PortMapping
	err     error
}

func (e *portError) Error() string {
	why := e.err.Error()
	switch {
	case errors.Is(e.err, unix.EADDRINUSE) && e.mapping.HostLast > e.mapping.Host:
		why = "all of them are in use"
	case errors.Is(e.err, unix.EADDRINUSE):
		why = "it is in use: choose another, or end what has it (ss -lnp)"
	case errors.Is(e.err, unix.EADDRNOTAVAIL):
		why = "the host has no such address"
	}
	return fmt.Sprintf("publish the port %s: %s", e.mapping, why)
}

func (e *portError) Unwrap() error { return e.err }

// String is as a user would write it.
func (m PortMapping) String() string {
	host := Binding{HostIP: m.HostIP, Host: m.Host}.HostAddress().String()
	if m.HostLast > m.Host {
		host += fmt.Sprintf("-%d", m.HostLast)
	}
	return fmt.Sprintf("%s:%d/%s", host, m.Container, m.Protocol)
}

// nameHolder says of a port that is in use which container has it, if one has.
func (n *Networks) nameHolder(err error) error {
	var failed *portError
	if !errors.As(err, &failed) || !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	all, failure := n.endpoints()
	if failure != nil {
		return errors.Join(err, failure)
	}
	for _, endpoint := range all {
		for _, binding := range endpoint.Ports {
			if binding.meets(failed.binding) && n.alive(endpoint.ContainerID) {
				return fmt.Errorf("publish the port %s: the container %s has it: %w", failed.mapping, endpoint.Name, unix.EADDRINUSE)
			}
		}
	}
	return err
}
