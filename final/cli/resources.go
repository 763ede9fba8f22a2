package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/engine"
)

func (a *app) pause() *cli.Command {
	return a.onContainers("pause", "stop all processes of containers for a while", runningContainer, nil,
		func(containers *engine.Engine, _ *cli.Command, name string) error { return containers.Pause(name) })
}

func (a *app) unpause() *cli.Command {
	return a.onContainers("unpause", "let the processes of paused containers go on", runningContainer, nil,
		func(containers *engine.Engine, _ *cli.Command, name string) error { return containers.Unpause(name) })
}

func (a *app) update() *cli.Command {
	wanted := map[string]bool{
		"memory": true, "memory-swap": true, "memory-reservation": true, "cpus": true, "cpu-shares": true,
		"cpuset-cpus": true, "pids-limit": true, "restart": true,
	}
	var flags []cli.Flag
	for _, flag := range containerFlags() {
		if wanted[flag.Names()[0]] {
			flags = append(flags, flag)
		}
	}
	command := a.onContainers("update", "change the limits of containers, at once if they run", anyContainer, flags,
		func(containers *engine.Engine, command *cli.Command, name string) error {
			limits, err := limitsOf(flagsOf(command))
			if err != nil {
				return err
			}
			var restart *engine.Restart
			if command.IsSet("restart") {
				policy, err := engine.ParseRestart(command.String("restart"))
				if err != nil {
					return err
				}
				restart = &policy
			}
			if limits == (engine.Limits{}) && restart == nil {
				return errors.New("nothing to change: give a limit, as in -m 64m")
			}
			return containers.Update(name, limits, restart)
		})
	command.Description = "More memory for a container that runs:\n   tinydocker update -m 256m web"
	return command
}

func (a *app) top() *cli.Command {
	return &cli.Command{
		Name: "top", Category: containersCategory, Usage: "list the processes of a container", ArgsUsage: "CONTAINER",
		Metadata: containersThat(runningContainer),
		Action: func(_ context.Context, command *cli.Command) error {
			containers, name, err := a.one(command, "container")
			if err != nil {
				return err
			}
			processes, err := containers.Processes(name)
			if err != nil {
				return fmt.Errorf("top: %w", err)
			}
			table := tabwriter.NewWriter(a.stdout, 0, 0, 3, ' ', 0)
			fmt.Fprintln(table, "UID\tPID\tPPID\tSTIME\tTTY\tTIME\tCMD")
			for _, process := range processes {
				fmt.Fprintf(table, "%d\t%d\t%d\t%s\t%s\t%s\t%s\n", process.UID, process.Pid, process.Parent,
					process.Started.Format("15:04"), process.TTY, clock(process.CPUTime), visible(process.Command))
			}
			return table.Flush()
		},
	}
}

func clock(spent time.Duration) string {
	seconds := int(spent.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// usageRow is a container as stats shows it.
type usageRow struct {
	Container, ID, Name, CPUPerc, MemUsage, MemPerc, NetIO, BlockIO, PIDs string
}

func (a *app) stats() *cli.Command {
	return &cli.Command{
		Name: "stats", Category: containersCategory, Usage: "show what containers use of the machine, again and again", ArgsUsage: "[CONTAINER...]",
		Metadata: containersThat(runningContainer),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "no-stream", Usage: "show it once"},
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "show those that do not run, too"},
			&cli.BoolFlag{Name: "no-trunc", Usage: "cut nothing short"},
			&cli.StringFlag{Name: "format", Usage: "print by a `TEMPLATE` of Go, \"table TEMPLATE\", or json"},
		},
		Action: func(context context.Context, command *cli.Command) error {
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			return named("stats", a.showStats(context, containers, command))
		},
	}
}

// interval is the time over which the share of a CPU is measured.
const interval = time.Second

func (a *app) showStats(context context.Context, containers *engine.Engine, command *cli.Command) error {
	once := command.Bool("no-stream")
	clear := !once && a.onTerminal() && command.String("format") == ""
	before, err := measure(containers, command)
	if err != nil {
		return err
	}
	for {
		select {
		case <-context.Done():
			return nil
		case <-time.After(interval):
		}
		after, err := measure(containers, command)
		if err != nil {
			return err
		}
		if clear {
			fmt.Fprint(a.stdout, "\x1b[H\x1b[J")
		}
		if err := a.printStats(command, before, after); err != nil || once {
			return err
		}
		before = after
	}
}

func (a *app) onTerminal() bool {
	file, ok := a.stdout.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}

// measured is a container with what it uses.
type measured struct {
	engine.Container
	usage engine.Usage
}

// measure measures the containers named, or all that run. Of those that are not
// named, one may end meanwhile.
func measure(containers *engine.Engine, command *cli.Command) ([]measured, error) {
	var all []measured
	for _, name := range command.Args().Slice() {
		container, err := containers.Get(name)
		if err != nil {
			return nil, err
		}
		usage, err := containers.Usage(name)
		if err != nil && container.Running() {
			return nil, err
		}
		all = append(all, measured{container, usage})
	}
	if command.Args().Present() {
		return all, nil
	}
	list, err := containers.List()
	if err != nil {
		return nil, err
	}
	for index := range list {
		usage, err := containers.Usage(list[index].ID)
		if err == nil || command.Bool("all") {
			all = append(all, measured{list[index], usage})
		}
	}
	return all, nil
}

func (a *app) printStats(command *cli.Command, before, after []measured) error {
	table := listing[usageRow]{columns: []column{
		{"CONTAINER ID", "ID"}, {"NAME", "Name"}, {"CPU %", "CPUPerc"}, {"MEM USAGE / LIMIT", "MemUsage"}, {"MEM %", "MemPerc"},
		{"NET I/O", "NetIO"}, {"BLOCK I/O", "BlockIO"}, {"PIDS", "PIDs"},
	}}
	for index := range after {
		now := &after[index]
		row := usageRow{Container: now.ID, ID: now.ShortID(), Name: now.Name}
		if command.Bool("no-trunc") {
			row.ID = now.ID
		}
		share := 0.0
		for _, earlier := range before {
			if earlier.ID == now.ID && earlier.Pid == now.Pid {
				share = engine.CPUShare(earlier.usage, now.usage)
			}
		}
		fillUsage(&row, share, &now.usage)
		table.rows = append(table.rows, row)
	}
	return table.print(command, a.stdout)
}

func fillUsage(row *usageRow, share float64, usage *engine.Usage) {
	binary := func(amount cgroup.Amount) string {
		return known(amount, units.CustomSize("%.4g%s", float64(amount.Value), 1024, []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}))
	}
	decimal := func(amount cgroup.Amount) string {
		return known(amount, units.HumanSizeWithPrecision(float64(amount.Value), 3))
	}
	row.CPUPerc = known(usage.CPU, fmt.Sprintf("%.2f%%", share))
	row.MemUsage = binary(usage.Memory) + " / " + binary(usage.MemoryLimit)
	row.MemPerc = known(usage.Memory, fmt.Sprintf("%.2f%%", 100*float64(usage.Memory.Value)/float64(max(1, usage.MemoryLimit.Value))))
	row.NetIO = decimal(usage.Received) + " / " + decimal(usage.Sent)
	row.BlockIO = decimal(usage.BlockRead) + " / " + decimal(usage.BlockWrite)
	row.PIDs = known(usage.Pids, strconv.FormatUint(usage.Pids.Value, 10))
}

// known is the text for an amount, if anybody counts it.
func known(amount cgroup.Amount, text string) string {
	if !amount.Known {
		return "--"
	}
	return text
}
