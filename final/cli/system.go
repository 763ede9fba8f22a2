package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"mytinydocker/final/engine"
	"mytinydocker/final/image"
)

func (a *app) system() *cli.Command {
	info := a.infoCommand("info")
	info.Category = ""
	return &cli.Command{
		Name: "system", Category: systemCategory, Usage: "look after everything at once",
		Commands: []*cli.Command{a.df(), a.prune("prune", a.pruneNetworks, a.pruneNamelessImages), a.check(), info},
		Action:   refuseUnknown,
	}
}

// container has the commands for containers under the name that Docker's newer
// manuals use, too.
func (a *app) container(commands []*cli.Command) *cli.Command {
	group := &cli.Command{
		Name: "container", Category: containersCategory, Usage: "the same commands, and prune", Action: refuseUnknown,
		Commands: []*cli.Command{a.prune("prune")},
	}
	for _, command := range commands {
		same := *command
		same.Category = ""
		if same.Name == "ps" {
			same.Name, same.Aliases = "ls", []string{"list", "ps"}
		}
		group.Commands = append(group.Commands, &same)
	}
	return group
}

func (a *app) prune(name string, more ...func(*engine.Engine) (int64, error)) *cli.Command {
	filter := filterFlag("label")
	filter.Aliases = nil // -f is for force here
	return &cli.Command{
		Name: name, Usage: "remove all containers that do not run",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "do not ask"},
			filter,
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			wanted, err := parseFilters(command, "label")
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			if !command.Bool("force") {
				if err := a.confirm("This removes all containers that do not run, with what they have written" + also(more) + "."); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			ids, freed, err := containers.Prune(func(c *engine.Container) bool { return wanted.matchLabels(c.Labels) })
			for _, id := range ids {
				fmt.Fprintln(a.stdout, id)
			}
			for _, prune := range more {
				if err == nil {
					var further int64
					further, err = prune(containers)
					freed += further
				}
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Fprintf(a.stdout, "Total reclaimed space: %s\n", units.HumanSizeWithPrecision(float64(freed), 3))
			return nil
		},
	}
}

// also is what else is removed by system prune.
func also(more []func(*engine.Engine) (int64, error)) string {
	if len(more) == 0 {
		return ""
	}
	return ", all networks that no container wants to be in, and all images without a name"
}

// roomRow is a kind of objects as df shows it.
type roomRow struct {
	Type, TotalCount, Active, Size, Reclaimable string
}

func (a *app) df() *cli.Command {
	return &cli.Command{
		Name: "df", Usage: "show what images, containers and volumes take of the disk",
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Usage: "print by a `TEMPLATE` of Go, \"table TEMPLATE\", or json"}},
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			rooms, err := containers.Room()
			if err != nil {
				return fmt.Errorf("df: %w", err)
			}
			table := listing[roomRow]{columns: []column{
				{"TYPE", "Type"}, {"TOTAL", "TotalCount"}, {"ACTIVE", "Active"}, {"SIZE", "Size"}, {"RECLAIMABLE", "Reclaimable"},
			}}
			for _, room := range rooms {
				table.rows = append(table.rows, rowOfRoom(room))
			}
			return named("df", table.print(command, a.stdout))
		},
	}
}

func rowOfRoom(room engine.Room) roomRow {
	share := int64(0)
	if room.Size > 0 {
		share = 100 * room.Reclaimable / room.Size
	}
	return roomRow{
		Type: room.Type, TotalCount: strconv.Itoa(room.Total), Active: strconv.Itoa(room.Active),
		Size:        units.HumanSizeWithPrecision(float64(room.Size), 3),
		Reclaimable: fmt.Sprintf("%s (%d%%)", units.HumanSizeWithPrecision(float64(room.Reclaimable), 3), share),
	}
}

// pruneNetworks removes the networks that no container wants to be in.
func (a *app) pruneNetworks(containers *engine.Engine) (int64, error) {
	networks, err := containers.Networks()
	if err != nil {
		return 0, err
	}
	used, err := containers.NetworksUsed()
	if err != nil {
		return 0, err
	}
	removed, err := networks.Prune(func(name string) bool { return slices.Contains(used, name) })
	for _, name := range removed {
		fmt.Fprintln(a.stdout, name)
	}
	return 0, err
}

// pruneNamelessImages removes the images without a name that no container has.
func (a *app) pruneNamelessImages(containers *engine.Engine) (int64, error) {
	removal, err := containers.PruneImages(false, func(*image.Image) bool { return false })
	for _, id := range removal.Deleted {
		fmt.Fprintln(a.stdout, id)
	}
	return removal.Freed, err
}

// confirm asks whether something is to be done that cannot be taken back. Without a
// person at a terminal nobody can answer.
func (a *app) confirm(question string) error {
	if !term.IsTerminal(int(a.stdin.Fd())) {
		return errors.New("nobody can be asked: say that it is meant (-f)")
	}
	fmt.Fprintf(a.stderr, "%s\nGo on? [y/N] ", question)
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil || !strings.EqualFold(strings.TrimSpace(answer), "y") {
		return errors.New("left as it is")
	}
	return nil
}

func (a *app) check() *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "find what is inconsistent, and mend it on demand",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "repair", Usage: "mend what can be mended without losing anything"}},
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			faults, err := containers.Check()
			if err != nil {
				return fmt.Errorf("check: %w", err)
			}
			return a.report(faults, command.Bool("repair"))
		},
	}
}

// report prints the faults, and whether they were mended. The status is 1 if some are
// left.
func (a *app) report(faults []engine.Fault, repair bool) error {
	left := 0
	for _, fault := range faults {
		switch {
		case !repair || !fault.CanRepair():
			left++
			fmt.Fprintln(a.stdout, visible(fault.What))
		default:
			outcome := "repaired"
			if err := fault.Repair(); err != nil {
				left++
				outcome = "not repaired: " + err.Error()
			}
			fmt.Fprintf(a.stdout, "%s: %s\n", visible(fault.What), visible(outcome))
		}
	}
	if left > 0 {
		return exit(1)
	}
	return nil
}

func (a *app) infoCommand(name string) *cli.Command {
	return &cli.Command{
		Name: name, Category: systemCategory, Usage: "print what there is, and on what machine",
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print by a `TEMPLATE` of Go, as in '{{.Containers}}', or json"}},
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			info, err := containers.Info()
			if err != nil {
				return fmt.Errorf("info: %w", err)
			}
			if command.String("format") != "" {
				return named("info", printObjects(command, a.stdout, []any{info}))
			}
			fmt.Fprintf(a.stdout, "Containers: %d\n Running: %d\n Paused: %d\n Stopped: %d\nImages: %d\n", info.Containers,
				info.ContainersRunning, info.ContainersPaused, info.ContainersStopped, info.Images)
			fmt.Fprintf(a.stdout, "Storage Driver: %s\nCgroup Version: %s\nKernel Version: %s\nArchitecture: %s\nCPUs: %d\nTotal Memory: %s\nName: %s\n",
				info.Driver, info.CgroupVersion, info.KernelVersion, info.Architecture, info.NCPU, units.BytesSize(float64(info.MemTotal)), info.Name)
			fmt.Fprintf(a.stdout, "Root Dir: %s\nRun Dir: %s\n", info.RootDir, info.RunDir)
			return nil
		},
	}
}
