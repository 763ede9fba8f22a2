package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"mytinydocker/final/engine"
	"mytinydocker/final/image"
	"mytinydocker/final/runtime"
)

func (a *app) run() *cli.Command {
	image := 1
	return &cli.Command{
		Name:         "run",
		Category:     containersCategory,
		Usage:        "run a program in a new container",
		ArgsUsage:    "IMAGE [COMMAND [ARG...]]",
		Description:  runExamples,
		Metadata:     completed(imageNames),
		StopOnNthArg: &image, // what follows belongs to the container's program
		Flags: append(containerFlags(),
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "run it in the background and print its id", Category: lifetime},
			&cli.BoolFlag{Name: "sig-proxy", Value: true, Usage: "pass the signals on that are sent to this command", Category: lifetime},
		),
		Action: func(_ context.Context, command *cli.Command) error {
			err := a.runContainer(command)
			if status := exit(0); err == nil || errors.As(err, &status) {
				return err
			}
			return runFailure("run", err)
		},
		OnUsageError: func(_ context.Context, _ *cli.Command, err error, _ bool) error { return runFailure("run", err) },
	}
}

const runExamples = `A shell in the built-in image, gone when you leave it:
   tinydocker run -it --rm base
A program in the background, with a name to talk about it:
   tinydocker run -d --name web --restart on-failure base httpd
Little memory, and no way to write to the root:
   tinydocker run --rm -m 64m --read-only --tmpfs /tmp base sh -c 'echo hi > /tmp/x'`

func (a *app) runContainer(command *cli.Command) error {
	options, err := a.newContainer(command)
	if err != nil {
		return err
	}
	detach := command.Bool("detach")
	if options.Terminal && options.Stdin && !detach && !term.IsTerminal(int(a.stdin.Fd())) {
		return errors.New("the input device is not a terminal: leave -t out")
	}
	containers, err := a.engine(command)
	if err != nil {
		return err
	}
	if err := a.ensureImage(containers, command, options.Image); err != nil {
		return err
	}
	if detach {
		id, err := containers.RunDetached(options)
		if err == nil {
			fmt.Fprintln(a.stdout, id)
		}
		return err
	}
	return a.status(containers.Run(options, a.streams(), attachOptions(command)))
}

// newContainer is what the user asks of a new container.
func (a *app) newContainer(command *cli.Command) (engine.Options, error) {
	if !command.Args().Present() {
		return engine.Options{}, fmt.Errorf("no image: try `tinydocker %s -it --rm base`", command.Name)
	}
	return containerOptions(flagsOf(command), a.positional(command.Args().Slice()))
}

// ensureImage pulls the image of a new container, if it is to be pulled.
func (a *app) ensureImage(containers *engine.Engine, command *cli.Command, name string) error {
	ctx, stop := interruptible(context.Background())
	defer stop()
	progress, done := a.progress(false)
	defer done()
	err := containers.EnsureImage(ctx, name, command.String("pull"), image.PullOptions{Platform: command.String("platform"), Progress: progress})
	if err != nil {
		return interrupted(ctx, err)
	}
	return nil
}

func (a *app) streams() engine.Streams {
	return engine.Streams{Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr}
}

func attachOptions(command *cli.Command) engine.AttachOptions {
	return engine.AttachOptions{NoSignals: !command.Bool("sig-proxy"), DetachKeys: command.String("detach-keys")}
}

// status makes the exit status of a container ours. Who leaves it running has done
// what was wanted.
func (a *app) status(status int, err error) error {
	if errors.Is(err, engine.ErrDetached) {
		return nil
	}
	if err == nil && status != 0 {
		return exit(status)
	}
	return err
}

// runFailure is why there is no exit status of the container's: the runtime says
// which one there is instead, and for all else it is 125.
func runFailure(verb string, err error) error {
	status := runtime.StatusFailed
	if start := (*runtime.StartError)(nil); errors.As(err, &start) {
		status = start.Status
	}
	return failure{status, fmt.Errorf("%s: %w", verb, err)}
}

func (a *app) create() *cli.Command {
	image := 1
	return &cli.Command{
		Name:         "create",
		Category:     containersCategory,
		Usage:        "make a container, to be started later",
		ArgsUsage:    "IMAGE [COMMAND [ARG...]]",
		StopOnNthArg: &image,
		Metadata:     completed(imageNames),
		Flags:        containerFlags(),
		Action: func(_ context.Context, command *cli.Command) error {
			options, err := a.newContainer(command)
			if err != nil {
				return fmt.Errorf("create: %w", err)
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			if err := a.ensureImage(containers, command, options.Image); err != nil {
				return fmt.Errorf("create: %w", err)
			}
			id, err := containers.Create(options)
			if err != nil {
				return fmt.Errorf("create: %w", err)
			}
			fmt.Fprintln(a.stdout, id)
			return nil
		},
	}
}
