package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/network"
)

var networkFilters = []string{"driver", "id", "label", "name"}

// networkRow is a network as ls shows it.
type networkRow struct {
	ID, Name, Driver, Scope, Subnet, Internal, CreatedAt, Labels string
	labels                                                       map[string]string
}

// Label is the value of one label, for templates.
func (r networkRow) Label(name string) string { return r.labels[name] }

func (a *app) networkList() *cli.Command {
	return &cli.Command{
		Name: "ls", Aliases: []string{"list"}, Usage: "list the networks",
		Flags: formatFlags(filterFlag(networkFilters...)),
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			wanted, err := parseFilters(command, networkFilters...)
			if err != nil {
				return named("network ls", err)
			}
			networks, _, err := a.networks(command)
			if err != nil {
				return err
			}
			list, err := networks.List()
			if err != nil {
				return named("network ls", err)
			}
			table := listing[networkRow]{
				columns: []column{{"NETWORK ID", "ID"}, {"NAME", "Name"}, {"DRIVER", "Driver"}, {"SCOPE", "Scope"}, {"SUBNET", "Subnet"}},
				id: func(row networkRow) string {
					if row.ID == "" {
						return row.Name // there is nothing yet that could have an id
					}
					return row.ID
				},
			}
			for _, found := range list {
				if networkMatches(wanted, &found) {
					table.rows = append(table.rows, networkRowOf(&found, command.Bool("no-trunc")))
				}
			}
			return named("network ls", table.print(command, a.stdout))
		},
	}
}

func networkMatches(wanted filters, found *network.Network) bool {
	return wanted.match("id", func(id string) bool { return found.ID != "" && strings.HasPrefix(found.ID, id) }) &&
		wanted.match("name", func(name string) bool { return strings.Contains(found.Name, name) }) &&
		wanted.match("driver", func(driver string) bool { return found.Driver == driver }) &&
		wanted.matchLabels(found.Labels)
}

func networkRowOf(found *network.Network, whole bool) networkRow {
	row := networkRow{
		ID: found.ID, Name: found.Name, Driver: found.Driver, Scope: "local", Internal: "false",
		Labels: labelList(found.Labels), labels: found.Labels,
	}
	if !whole && len(row.ID) > 12 {
		row.ID = row.ID[:12]
	}
	if found.Subnet.IsValid() {
		row.Subnet = found.Subnet.String()
		row.CreatedAt = found.Created.Local().Format("2006-01-02 15:04:05 -0700 MST")
	}
	if found.Internal {
		row.Internal = "true"
	}
	return row
}

// inspectedNetwork is all that is known of a network, in the shape that
// docker-network-inspect(1) gives it: scripts know it.
type inspectedNetwork struct {
	Name       string
	ID         string `json:"Id"`
	Created    time.Time
	Scope      string
	Driver     string
	EnableIPv6 bool
	IPAM       inspectedIPAM
	Internal   bool
	Containers map[string]inspectedMember
	Options    map[string]string
	Labels     map[string]string
}

type inspectedIPAM struct {
	Driver string
	Config []inspectedSubnet
}

type inspectedSubnet struct {
	Subnet  string
	IPRange string `json:",omitempty"`
	Gateway string
}

type inspectedMember struct{ Name, EndpointID, MacAddress, IPv4Address, IPv6Address string }

func (a *app) networkInspect() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "print all that is known of networks", ArgsUsage: "NETWORK...", Metadata: completed(networkNames),
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print by a `TEMPLATE` of Go, as in '{{.Driver}}', or json"}},
		Action: func(_ context.Context, command *cli.Command) error {
			if !command.Args().Present() {
				return errors.New("network inspect: no network: name one or more")
			}
			networks, _, err := a.networks(command)
			if err != nil {
				return err
			}
			return a.inspectEach(command, func(name string) (any, error) {
				details, err := networks.Inspect(name)
				if err != nil {
					return nil, err
				}
				return inspectedNetworkOf(details), nil
			})
		},
	}
}

func inspectedNetworkOf(details *network.Details) *inspectedNetwork {
	found := &inspectedNetwork{
		Name: details.Name, ID: details.ID, Created: details.Created, Scope: "local", Driver: details.Driver,
		IPAM: inspectedIPAM{Driver: "default"}, Internal: details.Internal, Labels: details.Labels,
		Containers: make(map[string]inspectedMember), Options: make(map[string]string),
	}
	if details.Subnet.IsValid() {
		config := inspectedSubnet{Subnet: details.Subnet.String(), Gateway: details.Gateway.String()}
		if details.Range != details.Subnet {
			config.IPRange = details.Range.String()
		}
		found.IPAM.Config = []inspectedSubnet{config}
		found.Options["com.docker.network.bridge.name"] = details.Bridge
	}
	for _, endpoint := range details.Containers {
		found.Containers[endpoint.ContainerID] = inspectedMember{
			Name: endpoint.Name, EndpointID: endpoint.Link, MacAddress: endpoint.HardwareAddr, IPv4Address: endpoint.Address.String(),
		}
	}
	return found
}
