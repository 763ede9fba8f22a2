package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// PortMapping is what a user asks for: that a port of a container answers at a port of
// the host.
type PortMapping struct {
	HostIP    netip.Addr // of the host; the zero value is all of them
	Host      uint16     // the first that will do; 0 is any that is free
	HostLast  uint16     // the last that will do
	Container uint16
	Protocol  string // tcp or udp
}

// maxPorts is how many ports one text may stand for. Each is a socket and some rules.
const maxPorts = 1024

// ParsePorts parses [[IP:][HOST]:]CONTAINER[/tcp|/udp], in which HOST and CONTAINER may
// be ranges, A-B. As many ports of the host as of the container belong together one by
// one; for one port of the container, any of several will do. Without HOST it is any
// port that is free. An error begins with the text.
func ParsePorts(text string) ([]PortMapping, error) {
	mappings, err := parsePorts(text)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", text, err)
	}
	return mappings, nil
}

func parsePorts(text string) ([]PortMapping, error) {
	ports, protocol, given := strings.Cut(text, "/")
	if !given {
		protocol = "tcp"
	}
	if protocol != "tcp" && protocol != "udp" {
		return nil, errors.New("the protocol is tcp or udp")
	}
	if strings.HasPrefix(ports, "[") || strings.Count(ports, ":") > 2 {
		return nil, errors.New("a port is published on IPv4 addresses only")
	}
	host, container := "", ports
	if index := strings.LastIndexByte(ports, ':'); index >= 0 {
		host, container = ports[:index], ports[index+1:]
	}
	var hostIP netip.Addr
	if ip, rest, found := strings.Cut(host, ":"); found {
		var err error
		if hostIP, err = parseHostIP(ip); err != nil {
			return nil, err
		}
		host = rest
	}
	first, last, err := parseRange(container)
	if err != nil {
		return nil, fmt.Errorf("the port of the container: %w", err)
	}
	hostFirst, hostLast := uint16(0), uint16(0)
	if host != "" {
		if hostFirst, hostLast, err = parseRange(host); err != nil {
			return nil, fmt.Errorf("the port of the host: %w", err)
		}
	}
	return spread(PortMapping{hostIP, hostFirst, hostLast, first, protocol}, int(last-first)+1)
}

// spread makes of one mapping as many as its container has ports.
func spread(mapping PortMapping, count int) ([]PortMapping, error) {
	if count > maxPorts {
		return nil, fmt.Errorf("these are %d ports, and at most %d can be given at once", count, maxPorts)
	}
	if hosts := int(mapping.HostLast-mapping.Host) + 1; mapping.Host != 0 && count > 1 && hosts != count {
		return nil, fmt.Errorf("these are %d ports of the host and %d of the container", hosts, count)
	}
	mappings := make([]PortMapping, count)
	for index := range mappings {
		mappings[index] = mapping
		mappings[index].Container += uint16(index)
		if mapping.Host != 0 && count > 1 {
			mappings[index].Host = mapping.Host + uint16(index)
			mappings[index].HostLast = mappings[index].Host
		}
	}
	return mappings, nil
}

// parseHostIP parses an address of the host. 0.0.0.0 is all of them.
func parseHostIP(text string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() {
		return netip.Addr{}, fmt.Errorf("%q is no IPv4 address", text)
	}
	if ip.IsUnspecified() {
		return netip.Addr{}, nil
	}
	return ip, nil
}

func parseRange(text string) (first, last uint16, err error) {
	from, to, isRange := strings.Cut(text, "-")
	if first, err = parsePort(from); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return first, first, nil
	}
	if last, err = parsePort(to); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("the range %q ends before it begins", text)
	}
	return first, last, nil
}

// parsePort parses a number from 1 to 65535, of digits only.
func parsePort(text string) (uint16, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("%q is no number from 1 to 65535", text)
	}
	return uint16(port), nil
}

// Binding is a port of a container that answers at a port of the host.
type Binding struct {
	HostIP    netip.Addr `json:"hostIP,omitzero"` // the zero value is all addresses
	Host      uint16     `json:"host"`
	Container uint16     `json:"container"`
	Protocol  string     `json:"protocol"`
}

// HostAddress is where it answers, as in 0.0.0.0:8080.
func (b Binding) HostAddress() netip.AddrPort {
	ip := b.HostIP
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(ip, b.Host)
}

// String is as `ps` has it: 0.0.0.0:8080->80/tcp.
func (b Binding) String() string {
	return fmt.Sprintf("%s->%d/%s", b.HostAddress(), b.Container, b.Protocol)
}

// meets reports whether two bindings are for the same packets.
func (b Binding) meets(other Binding) bool {
	return b.Host == other.Host && b.Protocol == other.Protocol &&
		(!b.HostIP.IsValid() || !other.HostIP.IsValid() || b.HostIP == other.HostIP)
}
