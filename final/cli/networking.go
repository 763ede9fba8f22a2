package cli

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/network"
)

// reach is the heading of the flags of a container's network.
const reach = "how it is reached"

// networkingFlags are the flags of run and create about networks.
func networkingFlags() []cli.Flag {
	list := func(name, usage string, aliases ...string) cli.Flag {
		return &cli.StringSliceFlag{Name: name, Aliases: aliases, Usage: usage, Category: reach}
	}
	text := func(name, usage string) cli.Flag { return &cli.StringFlag{Name: name, Usage: usage, Category: reach} }
	return []cli.Flag{
		list("network", "be in a `NETWORK`, or in none, host or container:NAME; in bridge by default", "net"),
		list("network-alias", "a further `NAME` by which those in the network find it"),
		text("ip", "`ADDRESS` in the network"),
		text("mac-address", "hardware `ADDRESS` of its link"),
		list("publish", "publish a port: `[[IP:]HOST:]CONTAINER[/udp]`, also of ranges", "p"),
		&cli.BoolFlag{Name: "publish-all", Aliases: []string{"P"}, Usage: "publish all ports that the image exposes, at any that are free", Category: reach},
		list("expose", "a further `PORT[/udp]` for --publish-all"),
		list("dns", "`ADDRESS` of a server to ask for names, instead of the host's"),
		list("dns-search", "`DOMAIN` in which to look for short names; . for none"),
		list("dns-option", "`OPTION` of resolv.conf(5)"),
		list("add-host", "a further `NAME:ADDRESS` in /etc/hosts; host-gateway is where the host is"),
	}
}

// parseNetworking parses what flags say about the network of a container.
func parseNetworking(flags given, options *engine.Options) error {
	networking := &options.Network
	for _, text := range flags.StringSlice("network") {
		mode, err := network.ParseMode(text)
		if err != nil {
			return err
		}
		networking.None, networking.Host = networking.None || mode.None, networking.Host || mode.Host
		if mode.Shared != "" {
			networking.Shared = mode.Shared
		}
		if mode.Endpoint.Network != "" {
			networking.Endpoints = append(networking.Endpoints, mode.Endpoint)
		}
	}
	if err := parsePlace(flags, networking); err != nil {
		return err
	}
	for _, text := range flags.StringSlice("publish") {
		mappings, err := network.ParsePorts(text)
		if err != nil {
			return err
		}
		networking.Ports = append(networking.Ports, mappings...)
	}
	options.PublishAll, options.Expose = flags.Bool("publish-all"), flags.StringSlice("expose")
	networking.Names = network.Names{
		Servers: flags.StringSlice("dns"), Search: flags.StringSlice("dns-search"),
		Options: flags.StringSlice("dns-option"), Hosts: flags.StringSlice("add-host"),
	}
	return nil
}

// parsePlace parses the flags that are about the container's place in its first network.
func parsePlace(flags given, networking *engine.Networking) error {
	config, err := placeOf(flags)
	if err != nil {
		return err
	}
	if !config.IP.IsValid() && config.HardwareAddr == "" && len(config.Aliases) == 0 {
		return nil
	}
	if networking.None || networking.Host || networking.Shared != "" {
		return errors.New("--ip, --mac-address and --network-alias are about a place in a network: leave them or --network out")
	}
	if len(networking.Endpoints) == 0 {
		networking.Endpoints = []network.EndpointConfig{{Network: network.Default}}
	}
	first := &networking.Endpoints[0]
	if config.IP.IsValid() {
		first.IP = config.IP
	}
	if config.HardwareAddr != "" {
		first.HardwareAddr = config.HardwareAddr
	}
	first.Aliases = append(first.Aliases, config.Aliases...)
	return nil
}

// placeOf is what the flags --ip, --mac-address and --network-alias, or --alias, say.
func placeOf(flags given) (network.EndpointConfig, error) {
	config := network.EndpointConfig{HardwareAddr: flags.String("mac-address"), Aliases: flags.StringSlice("network-alias")}
	if text := flags.String("ip"); text != "" {
		var err error
		if config.IP, err = netip.ParseAddr(text); err != nil || !config.IP.Is4() {
			return config, fmt.Errorf("invalid address %q for --ip: want IPv4, as in 172.18.0.7", text)
		}
	}
	return config, nil
}
