package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/network"
)

// networksCategory is the heading under which the commands of networks are listed.
const networksCategory = "networks"

func (a *app) network() *cli.Command {
	return &cli.Command{
		Name: "network", Category: networksCategory, Usage: "make, list, change and remove networks",
		Commands: []*cli.Command{
			a.networkCreate(), a.networkList(), a.networkInspect(), a.networkRemove(), a.networkConnect(), a.networkDisconnect(),
			a.networkPrune(), a.networkReload(),
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if name := command.Args().First(); name != "" {
				return fmt.Errorf("network: unknown command %q: see tinydocker network --help", name)
			}
			return cli.ShowSubcommandHelp(command)
		},
	}
}

// networks opens the networks that the global flags name.
func (a *app) networks(command *cli.Command) (*network.Networks, *engine.Engine, error) {
	containers, err := a.engine(command)
	if err != nil {
		return nil, nil, err
	}
	networks, err := containers.Networks()
	return networks, containers, err
}

func (a *app) networkCreate() *cli.Command {
	return &cli.Command{
		Name: "create", Usage: "make a network", ArgsUsage: "NAME",
		Description: `Two containers that know each other by name:
   tinydocker network create blue
   tinydocker run -d --network blue --name web base httpd
   tinydocker run --rm --network blue base wget -qO- http://web:8080/`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "subnet", Usage: "`SUBNET` of its addresses, as in 10.1.0.0/24; one that is free by default"},
			&cli.StringFlag{Name: "gateway", Usage: "`ADDRESS` of the host in it; the first one by default"},
			&cli.StringFlag{Name: "ip-range", Usage: "`SUBNET` of the addresses that are given to containers"},
			&cli.BoolFlag{Name: "internal", Usage: "let nobody in or out"},
			&cli.StringFlag{Name: "driver", Aliases: []string{"d"}, Value: "bridge", Usage: "`DRIVER` that joins the containers: bridge"},
			&cli.StringSliceFlag{Name: "label", Usage: "attach `KEY=VALUE` to the network"},
			&cli.BoolFlag{Name: "ipv6", Hidden: true},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if command.Args().Len() != 1 {
				return errors.New("network create: give one name, as in `tinydocker network create blue`")
			}
			config, err := networkConfig(command)
			if err != nil {
				return named("network create", err)
			}
			networks, _, err := a.networks(command)
			if err != nil {
				return err
			}
			made, err := networks.Create(config)
			if err != nil {
				return named("network create", err)
			}
			fmt.Fprintln(a.stdout, made.ID)
			return nil
		},
	}
}

func networkConfig(command *cli.Command) (config network.Config, err error) {
	config = network.Config{
		Name: command.Args().First(), Driver: command.String("driver"), Internal: command.Bool("internal"), IPv6: command.Bool("ipv6"),
		Labels: pairs(command.StringSlice("label")),
	}
	for name, subnet := range map[string]*netip.Prefix{"subnet": &config.Subnet, "ip-range": &config.Range} {
		if text := command.String(name); text != "" {
			if *subnet, err = netip.ParsePrefix(text); err != nil {
				return config, fmt.Errorf("invalid subnet %q for --%s: an address and a number of bits, as in 10.1.0.0/24", text, name)
			}
		}
	}
	if text := command.String("gateway"); text != "" {
		if config.Gateway, err = netip.ParseAddr(text); err != nil {
			return config, fmt.Errorf("invalid address %q for --gateway: as in 10.1.0.1", text)
		}
	}
	return config, nil
}

// networkNames completes the names of networks.
func networkNames(containers *engine.Engine) ([]string, error) {
	networks, err := containers.Networks()
	if err != nil {
		return nil, err
	}
	list, err := networks.List()
	var names []string
	for _, found := range list {
		names = append(names, found.Name)
	}
	return names, err
}

func (a *app) networkRemove() *cli.Command {
	return &cli.Command{
		Name: "rm", Aliases: []string{"remove"}, Usage: "remove networks in which no container runs", ArgsUsage: "NETWORK...", Metadata: completed(networkNames),
		Action: func(_ context.Context, command *cli.Command) error {
			if !command.Args().Present() {
				return errors.New("network rm: no network: name one or more")
			}
			networks, _, err := a.networks(command)
			if err != nil {
				return err
			}
			return a.each(command.Args().Slice(), "network rm", networks.Remove)
		},
	}
}

func (a *app) networkPrune() *cli.Command {
	return &cli.Command{
		Name: "prune", Usage: "remove all networks that no container wants to be in",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "is understood, and nobody is asked without it either"}},
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			networks, containers, err := a.networks(command)
			if err != nil {
				return err
			}
			used, err := containers.NetworksUsed()
			if err != nil {
				return err
			}
			removed, err := networks.Prune(func(name string) bool { return slices.Contains(used, name) })
			if len(removed) > 0 {
				fmt.Fprintf(a.stdout, "Deleted Networks:\n%s\n", strings.Join(removed, "\n"))
			}
			return named("network prune", err)
		},
	}
}

func (a *app) networkReload() *cli.Command {
	return &cli.Command{
		Name: "reload", Usage: "restore what others have taken from networks: rules, bridges, cables",
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			networks, _, err := a.networks(command)
			if err != nil {
				return err
			}
			return named("network reload", networks.Reload())
		},
	}
}
