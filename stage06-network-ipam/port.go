package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Port is a port of the host at which a port of a container answers.
type Port struct {
	Host, Container uint16
	Protocol        string // tcp or udp
}

func (p Port) String() string { return fmt.Sprintf("%d:%d/%s", p.Host, p.Container, p.Protocol) }

// parsePort parses HOST:CONTAINER, with /tcp or /udp behind it or nothing, which is tcp.
// Both are numbers from 1 to 65535, of digits only. An error begins with `port` and what
// the user has written.
//
//learn:exercise
func parsePort(text string) (Port, error) {
	ports, protocol, given := strings.Cut(text, "/")
	if !given {
		protocol = "tcp"
	}
	if protocol != "tcp" && protocol != "udp" {
		return Port{}, fmt.Errorf("port %q: the protocol is tcp or udp", text)
	}
	host, container, _ := strings.Cut(ports, ":")
	// Only digits, and no more than 16 bits.
	hostPort, err := strconv.ParseUint(host, 10, 16)
	containerPort, failed := strconv.ParseUint(container, 10, 16)
	if err != nil || failed != nil || hostPort == 0 || containerPort == 0 {
		return Port{}, fmt.Errorf("port %q: want HOST:CONTAINER with numbers from 1 to 65535, as in 8080:80", text)
	}
	return Port{Host: uint16(hostPort), Container: uint16(containerPort), Protocol: protocol}, nil
}

// portsOf parses all that a user asks for.
func portsOf(texts []string) ([]Port, error) {
	var ports []Port
	for _, text := range texts {
		port, err := parsePort(text)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(ports, func(p Port) bool { return p.Host == port.Host && p.Protocol == port.Protocol }) {
			return nil, fmt.Errorf("port %q: port %d of the host is given away already", text, port.Host)
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// reservePorts takes ports of the host, so that nobody else gets them, until release
// is called or this process ends. To be reserved is all that the sockets are for: they
// answer nobody, and what comes for a port goes to the container before it gets here.
//
// Without SO_REUSEADDR (socket(7)), so that two who do this cannot both have a port.
func reservePorts(ports []Port) (release func(), err error) {
	var sockets []int
	release = func() {
		for _, socket := range sockets {
			unix.Close(socket)
		}
	}
	for _, port := range ports {
		kind := unix.SOCK_STREAM
		if port.Protocol == "udp" {
			kind = unix.SOCK_DGRAM
		}
		socket, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			release()
			return nil, fmt.Errorf("reserve the port %s: %w", port, err)
		}
		sockets = append(sockets, socket)
		if err := unix.Bind(socket, &unix.SockaddrInet4{Port: int(port.Host)}); err != nil {
			release()
			return nil, fmt.Errorf("publish the port %s of the host: %w", port, err)
		}
	}
	return release, nil
}
