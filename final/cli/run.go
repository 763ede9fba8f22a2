package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"mytinydocker/final/engine"
	"mytinydocker/final/runtime"
)

func (a *app) run() *cli.Command {
	image := 1
	return &cli.Command{
		Name:         "run",
		Usage:        "run a program in a new container",
		ArgsUsage:    "IMAGE [COMMAND [ARG...]]",
		StopOnNthArg: &image, // what follows belongs to the container's program
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "pass standard input on"},
			&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give the container a terminal"},
			&cli.BoolFlag{Name: "rm", Usage: "remove the container when it ends"},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the container; a random one by default"},
			&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "set a variable, `NAME=VALUE`; or pass NAME on"},
			&cli.StringFlag{Name: "workdir", Aliases: []string{"w"}, Usage: "`FOLDER` in which the program starts"},
			&cli.StringFlag{Name: "hostname", Usage: "`NAME` of the machine inside; the container's id by default"},
		},
		DisableSliceFlagSeparator: true, // -e LIST=a,b is one variable
		Action: func(_ context.Context, command *cli.Command) error {
			err := a.runContainer(command)
			if status := exit(0); err == nil || errors.As(err, &status) {
				return err
			}
			return runFailure(err)
		},
		OnUsageError: func(_ context.Context, _ *cli.Command, err error, _ bool) error { return runFailure(err) },
	}
}

func (a *app) runContainer(command *cli.Command) error {
	if !command.Args().Present() {
		return errors.New("no image: try `tinydocker run -it --rm base`")
	}
	args := a.positional(command.Args().Slice())
	options := engine.Options{
		Image:      args[0],
		Command:    args[1:],
		Name:       command.String("name"),
		Env:        command.StringSlice("env"),
		WorkingDir: command.String("workdir"),
		Hostname:   command.String("hostname"),
		Terminal:   command.Bool("tty"),
		Stdin:      command.Bool("interactive"),
		AutoRemove: command.Bool("rm"),
	}
	if command.IsSet("name") && options.Name == "" {
		return errors.New("the container's name is empty: leave --name out for a random one")
	}
	if options.Terminal && options.Stdin && !term.IsTerminal(int(a.stdin.Fd())) {
		return errors.New("the input device is not a terminal: leave -t out")
	}
	containers, err := a.engine(command)
	if err != nil {
		return err
	}
	status, err := containers.Run(options, engine.Streams{Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr}, engine.AttachOptions{})
	if err != nil {
		return err
	}
	if status != 0 {
		return exit(status)
	}
	return nil
}

// runFailure is why there is no exit status of the container's: the runtime says
// which one there is instead, and for all else it is 125.
func runFailure(err error) error {
	status := runtime.StatusFailed
	if start := (*runtime.StartError)(nil); errors.As(err, &start) {
		status = start.Status
	}
	return failure{status, fmt.Errorf("run: %w", err)}
}
