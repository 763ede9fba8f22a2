package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
)

func (a *app) ps() *cli.Command {
	return &cli.Command{
		Name:     "ps",
		Category: containersCategory,
		Usage:    "list the containers that run",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "list those that have ended, too"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only their ids"},
			&cli.BoolFlag{Name: "no-trunc", Usage: "cut nothing short"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			list, err := containers.List()
			if err != nil {
				return err
			}
			if !command.Bool("all") {
				list = slices.DeleteFunc(list, func(c engine.Container) bool { return c.Status != engine.Running })
			}
			return a.printContainers(list, command.Bool("quiet"), command.Bool("no-trunc"))
		},
	}
}

func (a *app) printContainers(containers []engine.Container, quiet, whole bool) error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 3, ' ', 0)
	if !quiet {
		fmt.Fprintln(table, "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES")
	}
	now := time.Now()
	for _, container := range containers {
		id, command := container.ShortID(), summary(container.Command())
		if whole {
			id, command = container.ID, fmt.Sprintf("%q", strings.Join(container.Command(), " "))
		}
		if quiet {
			fmt.Fprintln(table, id)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t\t%s\n", id, strings.TrimSuffix(container.Image, ":latest"),
			command, ago(now, container.Created), status(now, container), container.Name)
	}
	return table.Flush()
}

// summary is a command on one line, quoted and cut as Docker does it.
func summary(command []string) string {
	line := fmt.Sprintf("%q", strings.Join(command, " "))
	if runes := []rune(line); len(runes) > 21 {
		return string(runes[:20]) + "…\""
	}
	return line
}

func status(now time.Time, container engine.Container) string {
	switch {
	case container.Status == engine.Damaged:
		return "Dead"
	case container.Status == engine.Created:
		return "Created"
	case container.Status == engine.Running:
		return "Up " + units.HumanDuration(max(0, now.Sub(container.Started)))
	case container.Exit == nil:
		return "Exited (unknown)"
	default:
		return fmt.Sprintf("Exited (%d) %s", container.Exit.Status, ago(now, container.Exit.Finished))
	}
}

// ago never says that something is yet to come: clocks are set back at times.
func ago(now, then time.Time) string {
	return units.HumanDuration(max(0, now.Sub(then))) + " ago"
}
