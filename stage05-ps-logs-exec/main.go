// Command stage05-ps-logs-exec runs a program in Linux namespaces of its own, in a
// root file system of its own, limits what it may use, keeps what it makes, and looks
// after it in the background: the fifth chapter on how containers work.
//
//	stage05-ps-logs-exec run [FLAG...] IMAGE COMMAND [ARG...]
//	stage05-ps-logs-exec ps [-a]
//	stage05-ps-logs-exec logs [-f] NAME
//	stage05-ps-logs-exec exec [-it] NAME COMMAND [ARG...]
//	stage05-ps-logs-exec stop [-t SECONDS] NAME...
//	stage05-ps-logs-exec rm [-f] NAME...
//	stage05-ps-logs-exec commit NAME IMAGE
//
// An image is a tar archive, ROOT/images/IMAGE.tar; --root names ROOT.
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
	"golang.org/x/sys/unix"
)

func main() {
	// What we make for a container, and from images, has the modes that we
	// give, whatever our caller would keep to itself.
	unix.Umask(0o022)
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
		Usage:           "how containers work, chapter 5: ps, logs, exec",
		HideHelpCommand: true,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "debug", Usage: "print each step on standard error"},
		},
		Before:       setLogLevel,
		Action:       refuseUnknownCommand,
		OnUsageError: returnUsageError,
		Commands: []*cli.Command{
			runCommand(), psCommand(), logsCommand(), execCommand(), stopCommand(), rmCommand(), commitCommand(),
			hiddenCommand("init", RunInit), hiddenCommand("monitor", RunMonitor), hiddenCommand("enter", RunEnter),
		},
	}
}

func runCommand() *cli.Command {
	firstArgument := 1
	return &cli.Command{
		Name:                      "run",
		Usage:                     "run a program in a container",
		ArgsUsage:                 "IMAGE COMMAND [ARG...]",
		UseShortOptionHandling:    true,
		StopOnNthArg:              &firstArgument, // what follows belongs to the program
		DisableSliceFlagSeparator: true,           // a path may hold a comma
		Flags: append(limitFlags(),
			rootFlag(),
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the container"},
			&cli.StringSliceFlag{Name: "v", Aliases: []string{"volume"}, Usage: "mount a folder or file of the host, `SOURCE:DESTINATION[:ro]`"},
			&cli.StringSliceFlag{Name: "e", Aliases: []string{"env"}, Usage: "set a variable of the environment, `NAME=VALUE`, or copy NAME"},
			&cli.BoolFlag{Name: "d", Aliases: []string{"detach"}, Usage: "run in the background, and print the container's name"},
			&cli.StringFlag{Name: "storage-driver", Usage: "`DRIVER` of the union mount: aufs or overlay"},
			&cli.BoolFlag{Name: "i", Aliases: []string{"interactive"}, Usage: "pass standard input on"},
			&cli.BoolFlag{Name: "t", Aliases: []string{"tty"}, Usage: "insist that standard input is a terminal"},
			&cli.StringFlag{Name: "hostname", Value: "mytinydocker", Usage: "`NAME` of the machine inside"},
		),
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			options, err := runOptions(cmd)
			if err != nil {
				return err
			}
			if options.Detached {
				return Detach(options)
			}
			return Run(options)
		},
	}
}

func runOptions(cmd *cli.Command) (options Options, err error) {
	args := positional(os.Args, cmd.Args().Slice())
	if len(args) < 2 {
		return Options{}, errors.New("run needs an image and a command, as in `run -it base sh`")
	}
	options = Options{
		StorageDriver: cmd.String("storage-driver"),
		Name:          cmd.String("name"),
		Interactive:   cmd.Bool("i"),
		Terminal:      cmd.Bool("t"),
		Detached:      cmd.Bool("d"),
		Hostname:      cmd.String("hostname"),
		Image:         args[0],
		Command:       args[1:],
	}
	if cmd.IsSet("name") {
		if err := checkName(options.Name); err != nil {
			return Options{}, err
		}
	}
	if options.Root, err = stateRoot(cmd.String("root")); err != nil {
		return Options{}, err
	}
	if options.Limits, err = limitsOf(cmd); err != nil {
		return Options{}, err
	}
	if options.Volumes, err = volumesOf(cmd.StringSlice("v")); err != nil {
		return Options{}, err
	}
	options.Environment, err = environmentOf(cmd.StringSlice("e"))
	options.Environment = addTerminal(options.Environment, options.Interactive)
	return options, err
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
