package cli

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"mytinydocker/final/engine"
)

func (a *app) exec() *cli.Command {
	container := 1
	return &cli.Command{
		Name:      "exec",
		Category:  containersCategory,
		Usage:     "run a further program in a container that runs",
		ArgsUsage: "CONTAINER COMMAND [ARG...]",
		Description: `A shell beside what the container does:
   tinydocker exec -it web sh`,
		StopOnNthArg: &container,
		Metadata:     containersThat(runningContainer),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "run it in the background, and throw away what it prints"},
			&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "pass standard input on"},
			&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give the program a terminal"},
			&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "set a variable, `NAME=VALUE`; or pass NAME on"},
			&cli.StringSliceFlag{Name: "env-file", Usage: "read variables from a `FILE`, one on each line"},
			&cli.StringFlag{Name: "workdir", Aliases: []string{"w"}, Usage: "`FOLDER` in which the program starts"},
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "`USER[:GROUP]` that runs the program"},
			&cli.BoolFlag{Name: "privileged", Usage: "give it all capabilities"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			err := a.execute(command)
			if status := exit(0); err == nil || errors.As(err, &status) {
				return err
			}
			return runFailure("exec", err)
		},
		OnUsageError: func(_ context.Context, _ *cli.Command, err error, _ bool) error { return runFailure("exec", err) },
	}
}

func (a *app) execute(command *cli.Command) error {
	if command.Args().Len() < 2 {
		return errors.New("give a container and a command")
	}
	args := a.positional(command.Args().Slice())
	options := engine.ExecOptions{
		Command: args[1:], WorkingDir: command.String("workdir"), User: command.String("user"),
		Terminal: command.Bool("tty"), Stdin: command.Bool("interactive"), Privileged: command.Bool("privileged"),
	}
	var read engine.Options
	if err := parseEnv(flagsOf(command), &read); err != nil {
		return err
	}
	options.Env = read.Env
	if options.Terminal && options.Stdin && !command.Bool("detach") && !term.IsTerminal(int(a.stdin.Fd())) {
		return errors.New("the input device is not a terminal: leave -t out")
	}
	containers, err := a.engine(command)
	if err != nil {
		return err
	}
	if command.Bool("detach") {
		return containers.ExecDetached(args[0], options)
	}
	return a.status(containers.Exec(args[0], options, a.streams(), engine.AttachOptions{}))
}
