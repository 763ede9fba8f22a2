// Command stage04-volumes-commit runs a program in Linux namespaces of its own, in a
// root file system of its own, limits what it may use, and keeps what it makes: the
// fourth chapter on how containers work.
//
//	stage04-volumes-commit run [FLAG...] IMAGE COMMAND [ARG...]
//	stage04-volumes-commit commit NAME IMAGE
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
		Usage:           "how containers work, chapter 4: volumes and commit",
		HideHelpCommand: true,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "debug", Usage: "print each step on standard error"},
		},
		Before:       setLogLevel,
		Action:       refuseUnknownCommand,
		OnUsageError: returnUsageError,
		Commands:     []*cli.Command{runCommand(), commitCommand(), initCommand()},
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
			&cli.StringFlag{Name: "storage-driver", Usage: "`DRIVER` of the union mount: aufs or overlay"},
			&cli.BoolFlag{Name: "i", Aliases: []string{"interactive"}, Usage: "pass standard input on"},
			&cli.BoolFlag{Name: "t", Aliases: []string{"tty"}, Usage: "insist that standard input is a terminal"},
			&cli.StringFlag{Name: "hostname", Value: "mytinydocker", Usage: "`NAME` of the machine inside"},
		),
		OnUsageError: returnUsageError,
		Action: func(_ context.Context, cmd *cli.Command) error {
			args := positional(os.Args, cmd.Args().Slice())
			if len(args) < 2 {
				return errors.New("run needs an image and a command, as in `run -it base sh`")
			}
			limits, err := limitsOf(cmd)
			if err != nil {
				return err
			}
			if cmd.IsSet("name") {
				if err := checkName(cmd.String("name")); err != nil {
					return err
				}
			}
			volumes, err := volumesOf(cmd.StringSlice("v"))
			if err != nil {
				return err
			}
			return Run(Options{
				Root:          cmd.String("root"),
				StorageDriver: cmd.String("storage-driver"),
				Limits:        limits,
				Name:          cmd.String("name"),
				Volumes:       volumes,
				Interactive:   cmd.Bool("i"),
				Terminal:      cmd.Bool("t"),
				Hostname:      cmd.String("hostname"),
				Image:         args[0],
				Command:       args[1:],
			})
		},
	}
}

func commitCommand() *cli.Command {
	return &cli.Command{
		Name:         "commit",
		Usage:        "make an image of a running container",
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
