package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/network"
)

func (a *app) networkConnect() *cli.Command {
	return &cli.Command{
		Name: "connect", Usage: "have a container be in one more network, at once if it runs", ArgsUsage: "NETWORK CONTAINER", Metadata: completed(networkNames),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ip", Usage: "`ADDRESS` in the network"},
			&cli.StringFlag{Name: "mac-address", Usage: "hardware `ADDRESS` of the link"},
			&cli.StringSliceFlag{Name: "alias", Usage: "a further `NAME` by which those in the network find it"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.pair(command)
			if err != nil {
				return err
			}
			config, err := placeOf(flagsOf(command))
			if err != nil {
				return named("network connect", err)
			}
			config.Network, config.Aliases = command.Args().Get(0), command.StringSlice("alias")
			return named("network connect", containers.Connect(command.Args().Get(1), config))
		},
	}
}

func (a *app) networkDisconnect() *cli.Command {
	return &cli.Command{
		Name: "disconnect", Usage: "take a container out of a network", ArgsUsage: "NETWORK CONTAINER", Metadata: completed(networkNames),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "it is fine if it is not in there"}},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.pair(command)
			if err != nil {
				return err
			}
			return named("network disconnect",
				containers.Disconnect(command.Args().Get(1), command.Args().Get(0), command.Bool("force")))
		},
	}
}

// pair opens the state for a command that needs a network and a container.
func (a *app) pair(command *cli.Command) (*engine.Engine, error) {
	if command.Args().Len() != 2 {
		return nil, fmt.Errorf("network %s: give a network and a container", command.Name)
	}
	return a.engine(command)
}

func (a *app) port() *cli.Command {
	return &cli.Command{
		Name: "port", Category: networksCategory, Usage: "print at which ports of the host those of a container answer", ArgsUsage: "CONTAINER [PORT[/udp]]",
		Metadata: containersThat(runningContainer),
		Action: func(_ context.Context, command *cli.Command) error {
			if count := command.Args().Len(); count < 1 || count > 2 {
				return errors.New("port: give a container, and a port of it or none")
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			return named("port", a.printPorts(containers, command.Args().Get(0), command.Args().Get(1)))
		},
	}
}

// printPorts prints all published ports of a container, or where one is.
func (a *app) printPorts(containers *engine.Engine, name, wanted string) error {
	id, err := containers.Find(name)
	if err != nil {
		return err
	}
	endpoints, err := containers.Endpoints(id)
	if err != nil {
		return err
	}
	if wanted != "" && !strings.Contains(wanted, "/") {
		wanted += "/tcp"
	}
	found := false
	for _, binding := range bindingsOf(endpoints) {
		port := fmt.Sprintf("%d/%s", binding.Container, binding.Protocol)
		switch wanted {
		case "":
			fmt.Fprintf(a.stdout, "%s -> %s\n", port, binding.HostAddress())
		case port:
			fmt.Fprintln(a.stdout, binding.HostAddress())
			found = true
		}
	}
	if wanted != "" && !found {
		return fmt.Errorf("the port %s of the container %s is not published", wanted, name)
	}
	return nil
}

func bindingsOf(endpoints []*network.Endpoint) []network.Binding {
	var all []network.Binding
	for _, endpoint := range endpoints {
		all = append(all, endpoint.Ports...)
	}
	return all
}
