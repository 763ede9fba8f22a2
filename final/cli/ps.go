package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
)

var containerFilters = []string{"ancestor", "before", "exited", "id", "label", "name", "since", "status"}

func (a *app) ps() *cli.Command {
	return &cli.Command{
		Name:     "ps",
		Category: containersCategory,
		Usage:    "list the containers that run",
		Description: `What has exited, with its status:
   tinydocker ps -a --filter status=exited --format '{{.Names}}: {{.Status}}'
Remove it:
   tinydocker rm $(tinydocker ps -aq --filter status=exited)`,
		Flags: formatFlags(
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "list those that have ended, too"},
			&cli.IntFlag{Name: "last", Aliases: []string{"n"}, Value: -1, Usage: "only the `COUNT` made last, whatever they do"},
			&cli.BoolFlag{Name: "latest", Aliases: []string{"l"}, Usage: "only the one made last, whatever it does"},
			&cli.BoolFlag{Name: "size", Aliases: []string{"s"}, Usage: "show how much they have written"},
			filterFlag(containerFilters...),
		),
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
			chosen, err := chooseContainers(containers, command, list)
			if err != nil {
				return fmt.Errorf("ps: %w", err)
			}
			return named("ps", a.printContainers(containers, command, chosen))
		},
	}
}

// chooseContainers returns those of the list that the flags of ps are about.
func chooseContainers(containers *engine.Engine, command *cli.Command, list []engine.Container) ([]engine.Container, error) {
	wanted, err := parseFilters(command, containerFilters...)
	if err != nil {
		return nil, err
	}
	keep, err := containerFilter(containers, wanted)
	if err != nil {
		return nil, err
	}
	last := command.Int("last")
	if command.Bool("latest") {
		last = 1
	}
	all := command.Bool("all") || last >= 0 || wanted["status"] != nil || wanted["exited"] != nil
	list = slices.DeleteFunc(list, func(c engine.Container) bool { return !all && !c.Running() || !keep(&c) })
	if last >= 0 {
		list = list[:min(last, len(list))]
	}
	return list, nil
}

// containerFilter makes a test of the filters.
func containerFilter(containers *engine.Engine, wanted filters) (func(*engine.Container) bool, error) {
	var limits [2]time.Time
	for index, key := range []string{"since", "before"} {
		for _, name := range wanted[key] {
			other, err := containers.Get(name)
			if err != nil {
				return nil, fmt.Errorf("filter %s: %w", key, err)
			}
			limits[index] = other.Created
		}
	}
	for _, text := range wanted["exited"] {
		if _, err := strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("invalid filter exited=%s: an exit status is a number", text)
		}
	}
	for _, text := range wanted["status"] {
		if !slices.Contains([]string{"created", "running", "paused", "restarting", "removing", "exited", "dead"}, text) {
			return nil, fmt.Errorf("invalid filter status=%s: created, running, paused, restarting, removing, exited or dead", text)
		}
	}
	return func(c *engine.Container) bool {
		return wanted.match("id", func(id string) bool { return strings.HasPrefix(c.ID, id) }) &&
			wanted.match("name", func(name string) bool { return strings.Contains(c.Name, name) }) &&
			wanted.match("status", func(status string) bool { return string(c.Status) == status }) &&
			wanted.match("exited", func(status string) bool {
				return c.Status == engine.Exited && c.Exit != nil && strconv.Itoa(c.Exit.Status) == status
			}) &&
			wanted.match("ancestor", func(image string) bool {
				return image == c.Image || image+":latest" == c.Image || strings.HasPrefix(strings.TrimPrefix(c.ImageID, "sha256:"), image)
			}) &&
			wanted.matchLabels(c.Labels) &&
			(limits[0].IsZero() || c.Created.After(limits[0])) && (limits[1].IsZero() || c.Created.Before(limits[1]))
	}, nil
}

// containerRow is a container as ps shows it.
type containerRow struct {
	ID, Image, Command, CreatedAt, RunningFor, Status, State, Ports, Names, Labels, Size, Mounts, Networks string
	labels                                                                                                 map[string]string
}

// Label is the value of one label, for templates.
func (r containerRow) Label(name string) string { return r.labels[name] }

func (a *app) printContainers(containers *engine.Engine, command *cli.Command, list []engine.Container) error {
	now, whole := time.Now(), command.Bool("no-trunc")
	table := listing[containerRow]{
		columns: []column{
			{"CONTAINER ID", "ID"}, {"IMAGE", "Image"}, {"COMMAND", "Command"}, {"CREATED", "RunningFor"},
			{"STATUS", "Status"}, {"PORTS", "Ports"}, {"NAMES", "Names"},
		},
		id: func(row containerRow) string { return row.ID },
	}
	if command.Bool("size") {
		table.columns = append(table.columns, column{"SIZE", "Size"})
	}
	for index := range list {
		row := rowOf(&list[index], now, whole)
		if err := fillNetworks(containers, &row, &list[index]); err != nil {
			return err
		}
		if command.Bool("size") {
			written, err := containers.Written(list[index].ID)
			if err != nil {
				return err
			}
			row.Size = units.HumanSizeWithPrecision(float64(written), 3)
		}
		table.rows = append(table.rows, row)
	}
	return table.print(command, a.stdout)
}

func rowOf(container *engine.Container, now time.Time, whole bool) containerRow {
	row := containerRow{
		ID: container.ShortID(), Image: strings.TrimSuffix(container.Image, ":latest"), Command: summary(container.Command()),
		CreatedAt: container.Created.Local().Format("2006-01-02 15:04:05 -0700 MST"), RunningFor: ago(now, container.Created),
		Status: status(now, container), State: string(container.Status), Names: container.Name,
		Labels: labelList(container.Labels), labels: container.Labels,
	}
	if whole {
		row.ID, row.Command = container.ID, fmt.Sprintf("%q", strings.Join(container.Command(), " "))
	}
	return row
}

// fillNetworks fills in what only the networks know.
func fillNetworks(containers *engine.Engine, row *containerRow, container *engine.Container) error {
	var names []string
	for _, config := range container.Network.Endpoints {
		names = append(names, config.Network)
	}
	if len(names) == 0 && container.Status != engine.Damaged {
		names = []string{container.NetworkMode()}
	}
	row.Networks = strings.Join(names, ",")
	if len(container.Network.Ports) == 0 {
		return nil
	}
	endpoints, err := containers.Endpoints(container.ID)
	if err != nil {
		return err
	}
	var ports []string
	for _, binding := range bindingsOf(endpoints) {
		ports = append(ports, binding.String())
	}
	row.Ports = strings.Join(ports, ", ")
	return nil
}

func labelList(labels map[string]string) string {
	var all []string
	for key, value := range labels {
		all = append(all, key+"="+value)
	}
	slices.SortFunc(all, cmp.Compare)
	return strings.Join(all, ",")
}

// summary is a command on one line, quoted and cut as Docker does it.
func summary(command []string) string {
	line := fmt.Sprintf("%q", strings.Join(command, " "))
	if runes := []rune(line); len(runes) > 21 {
		return string(runes[:20]) + "…\""
	}
	return line
}

// status says what a container does, and since when.
func status(now time.Time, container *engine.Container) string {
	up := "Up " + units.HumanDuration(max(0, now.Sub(container.Started)))
	switch {
	case container.Status == engine.Running:
		return up
	case container.Status == engine.Paused:
		return up + " (Paused)"
	case container.Status == engine.Damaged:
		return "Dead"
	case container.Status == engine.Created:
		return "Created"
	case container.Status == engine.Removing:
		return "Removal In Progress"
	case container.Status == engine.Restarting && container.Exit == nil:
		return "Restarting"
	case container.Exit == nil:
		return "Exited (unknown)"
	case container.Status == engine.Restarting:
		return fmt.Sprintf("Restarting (%d) %s", container.Exit.Status, ago(now, container.Exit.Finished))
	default:
		return fmt.Sprintf("Exited (%d) %s", container.Exit.Status, ago(now, container.Exit.Finished))
	}
}

// ago never says that something is yet to come: clocks are set back at times.
func ago(now, then time.Time) string {
	return units.HumanDuration(max(0, now.Sub(then))) + " ago"
}
