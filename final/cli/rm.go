package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
)

func (a *app) rm() *cli.Command {
	return &cli.Command{
		Name:      "rm",
		Usage:     "remove containers",
		ArgsUsage: "CONTAINER...",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill them first if they run"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if !command.Args().Present() {
				return errors.New("rm: no container: name one or more")
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			return a.each(command.Args().Slice(), "rm", func(name string) error {
				return containers.Remove(name, command.Bool("force"))
			})
		},
	}
}

// each does something with every object named, prints the name of each that it
// was done with, and an error for each other one.
func (a *app) each(names []string, verb string, do func(name string) error) error {
	failed := false
	for _, name := range names {
		if err := do(name); err != nil {
			a.complain(fmt.Errorf("%s: %w", verb, err))
			failed = true
			continue
		}
		fmt.Fprintln(a.stdout, name)
	}
	if failed {
		return exit(1)
	}
	return nil
}
