package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
)

func (a *app) inspect() *cli.Command {
	return &cli.Command{
		Name: "inspect", Category: containersCategory, Usage: "print all that is known of containers or images", ArgsUsage: "CONTAINER|IMAGE...",
		Metadata: containersThat(anyContainer),
		Description: `Its address, its exit status:
   tinydocker inspect --format '{{.State.Status}} {{.State.ExitCode}}' web`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print by a `TEMPLATE` of Go, as in '{{.State.Status}}', or json"},
			&cli.BoolFlag{Name: "size", Aliases: []string{"s"}, Usage: "say how much the container has written"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.engineFor(command, "container")
			if err != nil {
				return err
			}
			return a.inspectEach(command, func(name string) (any, error) {
				found, err := containers.Inspect(name, command.Bool("size"))
				if err == nil {
					return found, nil
				}
				if image, imageErr := containers.ImageStore().Inspect(name); imageErr == nil {
					return image, nil
				}
				return nil, err
			})
		},
	}
}

// inspectEach prints all objects that are found, and an error for each other one.
func (a *app) inspectEach(command *cli.Command, find func(name string) (any, error)) error {
	var objects []any
	failed := false
	for _, name := range command.Args().Slice() {
		object, err := find(name)
		if err != nil {
			a.complain(fmt.Errorf("%s: %w", command.Name, err))
			failed = true
			continue
		}
		objects = append(objects, object)
	}
	if len(objects) > 0 || command.String("format") == "" {
		if err := printObjects(command, a.stdout, objects); err != nil {
			return fmt.Errorf("%s: %w", command.Name, err)
		}
	}
	if failed {
		return exit(1)
	}
	return nil
}
