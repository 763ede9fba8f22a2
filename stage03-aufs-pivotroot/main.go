// Command stage02-cgroups runs a program in Linux namespaces of its own and limits
// what it may use: the second chapter on how containers work.
//
//	stage02-cgroups run [-i] [-t] [--hostname NAME] [-m BYTES] [--cpus N] [--cpu-shares N]
//	                    [--cpuset-cpus LIST] [--pids-limit N] COMMAND [ARG...]
//
// Its exit status is the program's own, 128+n if signal n ended it, 127 if
// there is no such program, 126 if it cannot be executed, and 125 if the
// container could not be started.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v3"
)

func main() {
	err := commandLine().Run(context.Background(), os.Args)
	if err == nil {
		return
	}
	failure := &ExitError{Code: exitToolFailed, Err: err}
	errors.As(err, &failure)
	if failure.Err != nil {
		fmt.Fprintln(os.Stderr, "mytinydocker:", failure.Err)
	}
	os.Exit(failure.Code)
}

func commandLine() *cli.Command {
	return &cli.Command{
		Name:            "mytinydocker",
		Usage:           "how containers work, chapter 2: cgroups",
		HideHelpCommand: true,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "debug", Usage: "print each step on standard error"},
		},
		Before:       setLogLevel,
		Action:       refuseUnknownCommand,
		OnUsageError: returnUsageError,
		Commands:     []*cli.Command{runCommand(), initCommand()},
	}
}

func runCommand() *cli.Command {
	firstArgument := 1
	return &cli.Command{
		Name:                   "run",
		Usage:                  "run a program in a container",
		ArgsUsage:              "COMMAND [ARG...]",
		UseShortOptionHandling: true,
		StopOnNthArg:           &firstArgument, // what follows belongs to the program
		Flags: append(limitFlags(),
			&cli.BoolFlag{Name: "i", Aliases: []string{"interactive"}, Usage: "pass standard input on"},
			&cli.BoolFlag{Name: "t", Aliases: []string{"tty"}, Usage: "insist that standard input is a terminal"},
			&cli.StringFlag{Name: "hostname", Value: "mytinydocker", Usage: "`NAME` of the machine inside"},
		),
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if !cmd.Args().Present() {
				return errors.New("run needs a command, as in `run -it sh`")
			}
			limits, err := limitsOf(cmd)
			if err != nil {
				return err
			}
			return Run(Options{
				Limits:      limits,
				Interactive: cmd.Bool("i"),
				Terminal:    cmd.Bool("t"),
				Hostname:    cmd.String("hostname"),
				Command:     positional(os.Args, cmd.Args().Slice()),
			})
		},
	}
}

func initCommand() *cli.Command {
	return &cli.Command{
		Name:            "init",
		Hidden:          true,
		SkipFlagParsing: true,
		Action:          func(context.Context, *cli.Command) error { return RunInit() },
	}
}

func setLogLevel(ctx context.Context, cmd *cli.Command) (context.Context, error) {
	logrus.SetFormatter(&logrus.TextFormatter{DisableTimestamp: true})
	if cmd.Bool("debug") {
		logrus.SetLevel(logrus.DebugLevel)
	}
	return ctx, nil
}

func refuseUnknownCommand(_ context.Context, cmd *cli.Command) error {
	if name := cmd.Args().First(); name != "" {
		return fmt.Errorf("unknown command %q: see --help", name)
	}
	return cli.ShowRootCommandHelp(cmd)
}

func returnUsageError(_ context.Context, _ *cli.Command, err error, _ bool) error {
	return err
}
