package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Mode is what a user says of the network of a container (--network).
type Mode struct {
	// Shared is the container whose network it has, None that it has none, and
	// Host that it has the host's. If it is none of these, it is in Endpoint.
	Shared   string         `json:"shared,omitempty"`
	None     bool           `json:"none,omitempty"`
	Host     bool           `json:"host,omitempty"`
	Endpoint EndpointConfig `json:"endpoint,omitzero"`
}

// ParseMode parses none, host, container:NAME, the name of a network, or
// name=NETWORK,alias=NAME,ip=ADDRESS,mac-address=ADDRESS. "" and default are the network
// in which containers are if nobody says otherwise.
func ParseMode(text string) (Mode, error) {
	mode, err := parseMode(text)
	if err != nil {
		return Mode{}, fmt.Errorf("network %q: %w", text, err)
	}
	return mode, nil
}

func parseMode(text string) (Mode, error) {
	switch text {
	case None:
		return Mode{None: true}, nil
	case Host:
		return Mode{Host: true}, nil
	case "", "default":
		return Mode{Endpoint: EndpointConfig{Network: Default}}, nil
	}
	if other, found := strings.CutPrefix(text, "container:"); found {
		if !validName(other) {
			return Mode{}, errors.New("want container:NAME, or an id")
		}
		return Mode{Shared: other}, nil
	}
	if !strings.Contains(text, "=") {
		text = "name=" + text
	}
	var mode Mode
	for field := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(field, "=")
		if err := mode.Endpoint.set(key, value); err != nil {
			return Mode{}, err
		}
	}
	if !validName(mode.Endpoint.Network) {
		return Mode{}, errors.New("want the name of a network")
	}
	return mode, nil
}

func (c *EndpointConfig) set(key, value string) (err error) {
	switch key {
	case "name":
		c.Network = value
	case "alias":
		if !validName(value) {
			return fmt.Errorf("invalid alias %q", value)
		}
		c.Aliases = append(c.Aliases, value)
	case "ip":
		if c.IP, err = netip.ParseAddr(value); err != nil || !c.IP.Is4() {
			return fmt.Errorf("%q is no IPv4 address", value)
		}
	case "mac-address":
		hardware, err := parseHardwareAddress(value)
		if err != nil {
			return err
		}
		c.HardwareAddr = hardware.String()
	default:
		return fmt.Errorf("unknown field %q: there are name, alias, ip and mac-address", key)
	}
	return nil
}
