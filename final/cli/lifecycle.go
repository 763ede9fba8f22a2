package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"mytinydocker/final/engine"
)

// onContainers is a command that does one thing with every container named.
func (a *app) onContainers(name, usage string, suit func(*engine.Container) bool, flags []cli.Flag, do func(*engine.Engine, *cli.Command, string) error) *cli.Command {
	return &cli.Command{
		Name: name, Category: containersCategory, Usage: usage, ArgsUsage: "CONTAINER...", Flags: flags,
		Metadata: containersThat(suit),
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.engineFor(command, "container")
			if err != nil {
				return err
			}
			return a.each(command.Args().Slice(), name, func(container string) error { return do(containers, command, container) })
		},
	}
}

// engineFor opens the state for a command that needs one or more objects named.
func (a *app) engineFor(command *cli.Command, object string) (*engine.Engine, error) {
	if !command.Args().Present() {
		return nil, fmt.Errorf("%s: no %s: name one or more", command.Name, object)
	}
	return a.engine(command)
}

// one opens the state for a command that needs exactly one object named.
func (a *app) one(command *cli.Command, object string) (*engine.Engine, string, error) {
	containers, err := a.engineFor(command, object)
	if err == nil && command.Args().Len() > 1 {
		err = fmt.Errorf("%s: unexpected argument %q", command.Name, command.Args().Get(1))
	}
	return containers, command.Args().First(), err
}

// atOnce is with how many objects something is done at the same time. A container that is
// killed, and its watcher, have some seconds to be gone, and hundreds take longer.
const atOnce = 50

// each does something with every object named, at the same time, and then prints, in
// their order, the name of each that it was done with, and an error for each other
// one.
func (a *app) each(names []string, verb string, do func(name string) error) error {
	errs := make([]error, len(names))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for index, name := range names {
		group.Go(func() error {
			errs[index] = do(name)
			return nil
		})
	}
	_ = group.Wait() // each has an error of its own
	failed := false
	for index, name := range names {
		if errs[index] != nil {
			a.complain(fmt.Errorf("%s: %w", verb, errs[index]))
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

func (a *app) start() *cli.Command {
	command := a.onContainers("start", "start containers that do not run", containerAtRest, []cli.Flag{
		&cli.BoolFlag{Name: "attach", Aliases: []string{"a"}, Usage: "stay connected with its output until it ends"},
		&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "pass standard input on"},
		&cli.BoolFlag{Name: "sig-proxy", Value: true, Usage: "pass the signals on that are sent to this command"},
		&cli.StringFlag{Name: "detach-keys", Usage: "`KEYS` for leaving it running; ctrl-p,ctrl-q by default"},
	}, func(containers *engine.Engine, _ *cli.Command, name string) error { return containers.Start(name) })
	detached := command.Action
	command.Action = func(context context.Context, command *cli.Command) error {
		if !command.Bool("attach") && !command.Bool("interactive") {
			return detached(context, command)
		}
		containers, name, err := a.one(command, "container")
		if err != nil {
			return err
		}
		options := attachOptions(command)
		options.NoStdin = !command.Bool("interactive")
		status, err := containers.StartAttached(name, a.streams(), options)
		return named("start", a.status(status, err))
	}
	return command
}

// named puts the name of a command before an error that it has to tell.
func named(verb string, err error) error {
	if status := exit(0); err == nil || errors.As(err, &status) {
		return err
	}
	return fmt.Errorf("%s: %w", verb, err)
}

func stopFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "time", Aliases: []string{"t", "timeout"}, Usage: "`SECONDS` until it is killed, -1 for never; its own number by default"},
		&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Usage: "`SIGNAL` that asks it to end; its own by default"},
	}
}

func stopOptions(command *cli.Command) engine.StopOptions {
	options := engine.StopOptions{Signal: command.String("signal")}
	if command.IsSet("time") {
		seconds := command.Int("time")
		options.Timeout = &seconds
	}
	return options
}

func (a *app) stop() *cli.Command {
	return a.onContainers("stop", "ask containers to end, and kill those that do not", runningContainer, stopFlags(),
		func(containers *engine.Engine, command *cli.Command, name string) error {
			return containers.Stop(name, stopOptions(command))
		})
}

func (a *app) restart() *cli.Command {
	return a.onContainers("restart", "stop containers and start them again", anyContainer, stopFlags(),
		func(containers *engine.Engine, command *cli.Command, name string) error {
			return containers.Restart(name, stopOptions(command))
		})
}

func (a *app) kill() *cli.Command {
	flags := []cli.Flag{&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Value: "KILL", Usage: "`SIGNAL` to send"}}
	return a.onContainers("kill", "send a signal to the program of containers", runningContainer, flags,
		func(containers *engine.Engine, command *cli.Command, name string) error {
			number, err := engine.ParseSignal(command.String("signal"))
			if err != nil {
				return err
			}
			return containers.Kill(name, number)
		})
}

func (a *app) rm() *cli.Command {
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill them first if they run"},
		&cli.BoolFlag{Name: "volumes", Aliases: []string{"v"}, Usage: "remove their volumes that have no name, too"},
	}
	return a.onContainers("rm", "remove containers", anyContainer, flags,
		func(containers *engine.Engine, command *cli.Command, name string) error {
			if command.Bool("volumes") {
				return containers.RemoveWithVolumes(name, command.Bool("force"))
			}
			return containers.Remove(name, command.Bool("force"))
		})
}

func (a *app) wait() *cli.Command {
	return &cli.Command{
		Name: "wait", Category: containersCategory, Usage: "wait for containers to end, and print their exit statuses", ArgsUsage: "CONTAINER...",
		Metadata: containersThat(anyContainer),
		Action: func(_ context.Context, command *cli.Command) error {
			containers, err := a.engineFor(command, "container")
			if err != nil {
				return err
			}
			failed := false
			for _, name := range command.Args().Slice() {
				status, err := containers.Wait(name)
				if err != nil {
					a.complain(fmt.Errorf("wait: %w", err))
					failed = true
					continue
				}
				fmt.Fprintln(a.stdout, status)
			}
			if failed {
				return exit(1)
			}
			return nil
		},
	}
}

func (a *app) rename() *cli.Command {
	return &cli.Command{
		Name: "rename", Category: containersCategory, Usage: "give a container another name", ArgsUsage: "CONTAINER NAME",
		Metadata: containersThat(anyContainer),
		Action: func(_ context.Context, command *cli.Command) error {
			if command.Args().Len() != 2 {
				return errors.New("rename: give a container and its new name")
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			return named("rename", containers.Rename(command.Args().Get(0), command.Args().Get(1)))
		},
	}
}

func (a *app) attach() *cli.Command {
	return &cli.Command{
		Name: "attach", Category: containersCategory, Usage: "connect with a container that runs", ArgsUsage: "CONTAINER",
		Metadata: containersThat(runningContainer),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "no-stdin", Usage: "do not pass standard input on"},
			&cli.BoolFlag{Name: "sig-proxy", Value: true, Usage: "pass the signals on that are sent to this command"},
			&cli.StringFlag{Name: "detach-keys", Usage: "`KEYS` for leaving it running; ctrl-p,ctrl-q by default"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, name, err := a.one(command, "container")
			if err != nil {
				return err
			}
			options := attachOptions(command)
			options.NoStdin = command.Bool("no-stdin")
			return named("attach", a.status(containers.Attach(name, a.streams(), options)))
		},
	}
}
