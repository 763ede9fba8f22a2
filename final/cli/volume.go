package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/volume"
)

const volumesCategory = "volumes"

func (a *app) volume() *cli.Command {
	return &cli.Command{
		Name: "volume", Category: volumesCategory, Usage: "look after data that outlives containers", Action: refuseUnknown,
		Commands: []*cli.Command{a.createVolume(), a.listVolumes(), a.inspectVolume(), a.removeVolume(), a.pruneVolumes()},
	}
}

// volumeNames completes the names of volumes.
func volumeNames(containers *engine.Engine) ([]string, error) {
	volumes, err := containers.Volumes().List()
	var names []string
	for _, volume := range volumes {
		names = append(names, volume.Name)
	}
	return names, err
}

func (a *app) createVolume() *cli.Command {
	return &cli.Command{
		Name: "create", Usage: "make a volume, unless it is there", ArgsUsage: "[NAME]",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "label", Usage: "attach `KEY=VALUE` to it"},
			&cli.StringFlag{Name: "driver", Aliases: []string{"d"}, Value: "local", Usage: "`DRIVER` local, which is the only one"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if command.Args().Len() > 1 {
				return fmt.Errorf("volume create: unexpected argument %q", command.Args().Get(1))
			}
			if driver := command.String("driver"); driver != "local" {
				return fmt.Errorf("volume create: unknown driver %q: there is only local", driver)
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			made, err := containers.Volumes().Create(command.Args().First(), pairs(command.StringSlice("label")))
			if err != nil {
				return named("volume create", err)
			}
			fmt.Fprintln(a.stdout, made.Name)
			return nil
		},
	}
}

// volumeRow is a volume as a template sees it.
type volumeRow struct {
	Driver, Name, Mountpoint, Scope, Labels string
}

var volumeFilters = []string{"dangling", "label", "name"}

func (a *app) listVolumes() *cli.Command {
	return &cli.Command{
		Name: "ls", Aliases: []string{"list"}, Usage: "list the volumes",
		Flags: formatFlags(filterFlag(volumeFilters...)),
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			return named("volume ls", a.printVolumes(containers, command))
		},
	}
}

func (a *app) printVolumes(containers *engine.Engine, command *cli.Command) error {
	wanted, err := parseFilters(command, volumeFilters...)
	if err != nil {
		return err
	}
	volumes, err := containers.Volumes().List()
	if err != nil {
		return err
	}
	used := map[string]bool{}
	if wanted["dangling"] != nil {
		if used, err = containers.UsedVolumes(); err != nil {
			return err
		}
	}
	list := listing[volumeRow]{
		columns: []column{{"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}},
		id:      func(row volumeRow) string { return row.Name },
	}
	for _, volume := range volumes {
		if !wanted.matchLabels(volume.Labels) || !wanted.match("name", func(value string) bool { return strings.Contains(volume.Name, value) }) ||
			!wanted.match("dangling", func(value string) bool {
				want, err := strconv.ParseBool(value)
				return err == nil && want != used[volume.Name]
			}) {
			continue
		}
		list.rows = append(list.rows, volumeRow{
			Driver: "local", Name: volume.Name, Mountpoint: containers.Volumes().Path(volume.Name), Scope: "local", Labels: labelText(volume),
		})
	}
	return list.print(command, a.stdout)
}

func labelText(volume *volume.Volume) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(volume.Labels)) {
		all = append(all, key+"="+volume.Labels[key])
	}
	return strings.Join(all, ",")
}

// inspectedVolume is a volume in the shape that docker-volume-inspect(1) gives it.
type inspectedVolume struct {
	CreatedAt                       string
	Driver, Mountpoint, Name, Scope string
	Labels                          map[string]string
}

func (a *app) inspectVolume() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "print all that is known of volumes", ArgsUsage: "VOLUME...", Metadata: completed(volumeNames),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print by a `TEMPLATE` of Go, as in '{{.Mountpoint}}', or json"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.engineFor(command, "volume")
			if err != nil {
				return err
			}
			return a.inspectEach(command, func(name string) (any, error) {
				found, err := containers.Volumes().Find(name)
				if err != nil {
					return nil, err
				}
				return inspectedVolume{
					CreatedAt: found.Created.Format("2006-01-02T15:04:05Z07:00"), Driver: "local", Mountpoint: containers.Volumes().Path(name),
					Name: found.Name, Scope: "local", Labels: found.Labels,
				}, nil
			})
		},
	}
}

func (a *app) removeVolume() *cli.Command {
	return &cli.Command{
		Name: "rm", Aliases: []string{"remove"}, Usage: "remove volumes that no container has", ArgsUsage: "VOLUME...", Metadata: completed(volumeNames),
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.engineFor(command, "volume")
			if err != nil {
				return err
			}
			return a.each(command.Args().Slice(), "volume rm", containers.RemoveVolume)
		},
	}
}

func (a *app) pruneVolumes() *cli.Command {
	filter := filterFlag("label")
	filter.Aliases = nil // -f is for force here
	return &cli.Command{
		Name: "prune", Usage: "remove the volumes without a name that no container has",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "those with a name, too"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "do not ask"},
			filter,
		},
		Action: func(_ context.Context, command *cli.Command) error {
			what := "This removes all volumes without a name that no container has, and their data."
			if command.Bool("all") {
				what = "This removes all volumes that no container has, and their data."
			}
			return a.pruning(command, what, func(containers *engine.Engine, wanted filters) (int64, error) {
				pruned, err := containers.PruneVolumes(command.Bool("all"), func(volume *volume.Volume) bool { return !wanted.matchLabels(volume.Labels) })
				for _, name := range pruned.Names {
					fmt.Fprintln(a.stdout, name)
				}
				return pruned.Freed, err
			})
		},
	}
}
