package cli

import (
	"context"
	"fmt"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/image"
)

// imageCommands are the commands for images that are there by themselves, too.
func (a *app) imageCommands() []*cli.Command {
	return []*cli.Command{
		a.images(), a.pull(), a.push(), a.tag(), a.rmi(), a.history(), a.save(), a.load(), a.importImage(), a.export(), a.commit(),
	}
}

// image has the commands for images under the names that Docker's newer manuals use.
func (a *app) image(commands []*cli.Command) *cli.Command {
	group := &cli.Command{
		Name: "image", Category: imagesCategory, Usage: "the same commands, inspect and prune", Action: refuseUnknown,
		Commands: []*cli.Command{a.inspectImage(), a.pruneImages()},
	}
	for _, command := range commands {
		same := *command
		same.Category = ""
		switch same.Name {
		case "images":
			same.Name, same.Aliases = "ls", []string{"list"}
		case "rmi":
			same.Name, same.Aliases = "rm", []string{"remove"}
		case "export", "commit":
			continue // these are about containers
		}
		group.Commands = append(group.Commands, &same)
	}
	return group
}

func (a *app) inspectImage() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "print all that is known of images", ArgsUsage: "IMAGE...", Metadata: completed(imageNames),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print by a `TEMPLATE` of Go, as in '{{.Config.Cmd}}', or json"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.engineFor(command, "image")
			if err != nil {
				return err
			}
			return a.inspectEach(command, func(name string) (any, error) { return containers.ImageStore().Inspect(name) })
		},
	}
}

func (a *app) tag() *cli.Command {
	return &cli.Command{
		Name: "tag", Category: imagesCategory, Usage: "give an image another name", ArgsUsage: "IMAGE NAME[:TAG]", Metadata: completed(imageNames),
		Action: func(_ context.Context, command *cli.Command) error {
			if command.Args().Len() != 2 {
				return fmt.Errorf("tag: give an image and its new name")
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			return named("tag", containers.ImageStore().Tag(command.Args().Get(0), command.Args().Get(1)))
		},
	}
}

func (a *app) rmi() *cli.Command {
	return &cli.Command{
		Name: "rmi", Category: imagesCategory, Usage: "take names from images, and remove those without", ArgsUsage: "IMAGE...",
		Metadata: completed(imageNames),
		Flags:    []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "even if a container is made from it, which keeps what it has"}},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.engineFor(command, "image")
			if err != nil {
				return err
			}
			failed := false
			for _, name := range command.Args().Slice() {
				removal, err := containers.RemoveImage(name, command.Bool("force"))
				if err != nil {
					a.complain(fmt.Errorf("rmi: %w", err))
					failed = true
				}
				a.printRemoval(removal)
			}
			if failed {
				return exit(1)
			}
			return nil
		},
	}
}

func (a *app) printRemoval(removal image.Removal) {
	for _, name := range removal.Untagged {
		fmt.Fprintf(a.stdout, "Untagged: %s\n", name)
	}
	for _, id := range removal.Deleted {
		fmt.Fprintf(a.stdout, "Deleted: %s\n", id)
	}
}

func (a *app) pruneImages() *cli.Command {
	filter := filterFlag("label")
	filter.Aliases = nil // -f is for force here
	return &cli.Command{
		Name: "prune", Usage: "remove the images without a name",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "remove all that no container is made from"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "do not ask"},
			filter,
		},
		Action: func(_ context.Context, command *cli.Command) error {
			what := "This removes all images without a name."
			if command.Bool("all") {
				what = "This removes all images that no container is made from."
			}
			return a.pruning(command, what, func(containers *engine.Engine, wanted filters) (int64, error) {
				removal, err := containers.PruneImages(command.Bool("all"), func(image *image.Image) bool {
					return !wanted.matchLabels(image.Config.Config.Labels)
				})
				a.printRemoval(removal)
				return removal.Freed, err
			})
		},
	}
}

// pruning asks, removes and says how much room there is now.
func (a *app) pruning(command *cli.Command, what string, remove func(*engine.Engine, filters) (int64, error)) error {
	if err := noArguments(command); err != nil {
		return err
	}
	wanted, err := parseFilters(command, "label")
	if err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	containers, err := a.engine(command)
	if err != nil {
		return err
	}
	if !command.Bool("force") {
		if err := a.confirm(what); err != nil {
			return fmt.Errorf("prune: %w", err)
		}
	}
	freed, err := remove(containers, wanted)
	if err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	fmt.Fprintf(a.stdout, "Total reclaimed space: %s\n", units.HumanSizeWithPrecision(float64(freed), 3))
	return nil
}
