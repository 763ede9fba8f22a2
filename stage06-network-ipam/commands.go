package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v3"
)

func psCommand() *cli.Command {
	return &cli.Command{
		Name:         "ps",
		Usage:        "list the containers that run",
		Flags:        []cli.Flag{rootFlag(), &cli.BoolFlag{Name: "a", Aliases: []string{"all"}, Usage: "and those that have ended"}},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.NArg() > 0 {
				return errors.New("ps takes no arguments")
			}
			root, err := stateRoot(cmd.String("root"))
			if err != nil {
				return err
			}
			return List(root, cmd.Bool("a"), os.Stdout)
		},
	}
}

func logsCommand() *cli.Command {
	return &cli.Command{
		Name:         "logs",
		Usage:        "print what a container in the background has printed",
		ArgsUsage:    "NAME",
		Flags:        []cli.Flag{rootFlag(), &cli.BoolFlag{Name: "f", Aliases: []string{"follow"}, Usage: "go on until it ends"}},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.NArg() != 1 {
				return errors.New("logs needs a container, as in `logs -f web`")
			}
			root, err := stateRoot(cmd.String("root"))
			if err != nil {
				return err
			}
			return Logs(root, cmd.Args().First(), cmd.Bool("f"), os.Stdout)
		},
	}
}

func execCommand() *cli.Command {
	firstArgument := 1
	return &cli.Command{
		Name:                   "exec",
		Usage:                  "run another program in a container",
		ArgsUsage:              "NAME COMMAND [ARG...]",
		UseShortOptionHandling: true,
		StopOnNthArg:           &firstArgument, // what follows belongs to the program
		Flags: []cli.Flag{
			rootFlag(),
			&cli.BoolFlag{Name: "i", Aliases: []string{"interactive"}, Usage: "pass standard input on"},
			&cli.BoolFlag{Name: "t", Aliases: []string{"tty"}, Usage: "insist that standard input is a terminal"},
		},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			args := positional(os.Args, cmd.Args().Slice())
			if len(args) < 2 {
				return errors.New("exec needs a container and a command, as in `exec -it web sh`")
			}
			root, err := stateRoot(cmd.String("root"))
			if err != nil {
				return err
			}
			return Exec(ExecOptions{Root: root, Name: args[0], Interactive: cmd.Bool("i"), Terminal: cmd.Bool("t"), Command: args[1:]})
		},
	}
}

func stopCommand() *cli.Command {
	seconds := &cli.IntFlag{Name: "t", Aliases: []string{"time"}, Value: 10, Usage: "wait `SECONDS` before killing"}
	return &cli.Command{
		Name:         "stop",
		Usage:        "ask containers to end, and kill those that do not",
		ArgsUsage:    "NAME...",
		Flags:        []cli.Flag{rootFlag(), seconds},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.Int("t") < 0 {
				return errors.New("stop -t: seconds are 0 or more")
			}
			patience := time.Duration(cmd.Int("t")) * time.Second
			return forEach(cmd, func(root, name string) error { return Stop(root, name, patience) })
		},
	}
}

func rmCommand() *cli.Command {
	return &cli.Command{
		Name:         "rm",
		Usage:        "remove containers",
		ArgsUsage:    "NAME...",
		Flags:        []cli.Flag{rootFlag(), &cli.BoolFlag{Name: "f", Aliases: []string{"force"}, Usage: "kill those that run"}},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			return forEach(cmd, func(root, name string) error { return Remove(root, name, cmd.Bool("f")) })
		},
	}
}

// forEach does something with each container that the user names and prints its name
// then. One that fails keeps no other from it.
func forEach(cmd *cli.Command, do func(root, name string) error) error {
	if cmd.NArg() == 0 {
		return fmt.Errorf("%s needs a container", cmd.Name)
	}
	root, err := stateRoot(cmd.String("root"))
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range cmd.Args().Slice() {
		if err := do(root, name); err != nil {
			failed = append(failed, err)
			continue
		}
		fmt.Fprintln(os.Stdout, name)
	}
	return errors.Join(failed...)
}

func commitCommand() *cli.Command {
	return &cli.Command{
		Name:         "commit",
		Usage:        "make an image of a container",
		ArgsUsage:    "NAME IMAGE",
		Flags:        []cli.Flag{rootFlag()},
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.NArg() != 2 {
				return errors.New("commit needs a container and an image, as in `commit web my-image`")
			}
			return Commit(cmd.String("root"), cmd.Args().Get(0), cmd.Args().Get(1))
		},
	}
}

func rootFlag() cli.Flag {
	return &cli.StringFlag{Name: "root", Value: "/var/lib/mytinydocker", Usage: "`FOLDER` of images, layers and containers"}
}

// hiddenCommand is one that this program calls itself by.
func hiddenCommand(name string, run func() error) *cli.Command {
	return &cli.Command{
		Name:            name,
		Hidden:          true,
		SkipFlagParsing: true,
		Action:          func(context.Context, *cli.Command) error { return run() },
	}
}
