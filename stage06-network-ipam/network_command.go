package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"
)

func networkCommand() *cli.Command {
	return &cli.Command{
		Name:            "network",
		Usage:           "make, list and remove networks",
		HideHelpCommand: true,
		OnUsageError:    returnUsageError,
		Commands:        []*cli.Command{networkCreateCommand(), networkListCommand(), networkRemoveCommand()},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if name := cmd.Args().First(); name != "" {
				return fmt.Errorf("unknown command %q: see network --help", name)
			}
			return cli.ShowSubcommandHelp(cmd)
		},
	}
}

func networkCreateCommand() *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "make a network",
		ArgsUsage: "NAME",
		Flags: []cli.Flag{
			rootFlag(),
			&cli.StringFlag{Name: "driver", Value: "bridge", Usage: "`DRIVER` that joins the containers: bridge"},
			&cli.StringFlag{Name: "subnet", Usage: "`ADDRESS/BITS` of the network, as in 10.1.0.0/24"},
		},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.NArg() != 1 {
				return errors.New("network create needs a name, as in `network create --subnet 10.1.0.0/24 web`")
			}
			name := cmd.Args().First()
			root, err := stateRoot(cmd.String("root"))
			if err != nil {
				return err
			}
			if err := CreateNetwork(root, name, cmd.String("driver"), cmd.String("subnet")); err != nil {
				return err
			}
			fmt.Fprintln(os.Stdout, name)
			return nil
		},
	}
}

func networkListCommand() *cli.Command {
	return &cli.Command{
		Name:         "ls",
		Usage:        "list the networks",
		Flags:        []cli.Flag{rootFlag()},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.NArg() > 0 {
				return errors.New("network ls takes no arguments")
			}
			root, err := stateRoot(cmd.String("root"))
			if err != nil {
				return err
			}
			return ListNetworks(root, os.Stdout)
		},
	}
}

func networkRemoveCommand() *cli.Command {
	return &cli.Command{
		Name:         "rm",
		Usage:        "remove networks in which there is no container",
		ArgsUsage:    "NAME...",
		Flags:        []cli.Flag{rootFlag()},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.NArg() == 0 {
				return errors.New("network rm needs a network")
			}
			return forEach(cmd, RemoveNetwork)
		},
	}
}
