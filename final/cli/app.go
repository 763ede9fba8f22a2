// Package cli is tinydocker's command line: it parses, calls the engine and
// prints. There is a file for each command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/explain"
)

// The headings under which commands are listed.
const (
	containersCategory = "containers"
	imagesCategory     = "images"
	systemCategory     = "the tool itself"
)

// exit is the exit status of a command that has nothing more to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// app is what commands share: our caller's files and what was typed.
type app struct {
	stdin          *os.File
	stdout, stderr io.Writer
	args           []string
}

// failure is an error with an exit status of its own.
type failure struct {
	status int
	error
}

func (f failure) Unwrap() error { return f.error }

// Main runs the command line args and returns the exit status of the process:
// for run as docker-run(1) has it, and else 0 or 1.
func Main(args []string) int {
	app := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	root := app.commandFor(args)
	app.args = separateValues(root, args)
	cli.HelpPrinter = func(out io.Writer, _ string, about any) { printHelp(out, about.(*cli.Command)) }
	err := root.Run(context.Background(), app.args)
	if status := exit(0); err == nil || errors.As(err, &status) {
		return int(status)
	}
	app.complain(err)
	if failed := (failure{}); errors.As(err, &failed) {
		return failed.status
	}
	return 1
}

// complain prints an error on one line, whatever it quotes: what was typed, or
// what an image holds, neither breaks the line nor speaks to the terminal.
func (a *app) complain(err error) {
	line := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	fmt.Fprintln(a.stderr, "tinydocker:", visible(line))
}

// visible is a text that does not speak to the terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// noArguments refuses arguments that a command would not look at.
func noArguments(command *cli.Command) error {
	if argument := command.Args().First(); argument != "" {
		return fmt.Errorf("%s: unexpected argument %q", command.Name, argument)
	}
	return nil
}

// commandFor returns the tree of commands for a command line. If that begins with one
// that scripts start by the thousand, it is the only one in the tree: to make all of
// them, and the help of each, takes longer than to read the command line.
func (a *app) commandFor(args []string) *cli.Command {
	alone := map[string]func() *cli.Command{
		"run": a.run, "create": a.create, "start": a.start, "exec": a.exec, "ps": a.ps, "inspect": a.inspect, "logs": a.logs, "stop": a.stop,
		"kill": a.kill, "wait": a.wait, "rm": a.rm, "version": a.version,
	}
	if len(args) > 1 && alone[args[1]] != nil {
		return a.tree(alone[args[1]]())
	}
	return a.command()
}

// command returns the tree of all commands.
func (a *app) command() *cli.Command {
	containers := []*cli.Command{
		a.run(), a.create(), a.start(), a.attach(), a.exec(), a.ps(), a.inspect(), a.logs(), a.stop(), a.restart(), a.kill(), a.pause(),
		a.unpause(), a.wait(), a.rename(), a.update(), a.top(), a.stats(), a.cp(), a.diff(), a.rm(),
	}
	images := a.imageCommands()
	return a.tree(slices.Concat(containers, images, []*cli.Command{
		a.container(containers), a.image(images), a.volume(), a.network(), a.port(), a.infoCommand("info"), a.system(), a.version(), a.completion(), a.complete(),
	})...)
}

// tree puts commands below tinydocker itself.
func (a *app) tree(commands ...*cli.Command) *cli.Command {
	root := &cli.Command{
		Name:            "tinydocker",
		Usage:           "containers, without a daemon",
		Writer:          a.stdout,
		ErrWriter:       a.stderr,
		HideHelpCommand: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "root", Value: "/var/lib/tinydocker", Sources: cli.EnvVars("TINYDOCKER_ROOT"), Usage: "`FOLDER` of what must last"},
			&cli.StringFlag{Name: "run-root", Value: "/run/tinydocker", Sources: cli.EnvVars("TINYDOCKER_RUN"), Usage: "`FOLDER` of what ends with the boot"},
			&cli.StringFlag{Name: "storage-driver", Sources: cli.EnvVars("TINYDOCKER_STORAGE_DRIVER"), Usage: "`DRIVER` of new containers, overlay or aufs; what the kernel has by default"},
			&cli.BoolFlag{Name: "explain", Usage: "print every step to the kernel as the command that a person would type"},
			&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version", Local: true, Action: a.printVersion},
		},
		Action:   refuseUnknown,
		Commands: commands,
	}
	setUp(root)
	return root
}

// setUp gives a command and those below it what all have.
func setUp(command *cli.Command) {
	command.UseShortOptionHandling = true
	command.HideHelpCommand = true
	command.DisableSliceFlagSeparator = true // -e LIST=a,b is one variable
	if command.OnUsageError == nil {
		command.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err }
	}
	for _, sub := range command.Commands {
		setUp(sub)
	}
}

func refuseUnknown(_ context.Context, command *cli.Command) error {
	if name := command.Args().First(); name != "" {
		return fmt.Errorf("unknown command %q: see %s --help", name, command.FullName())
	}
	return cli.ShowSubcommandHelp(command)
}

// engine opens the state that the global flags name.
func (a *app) engine(command *cli.Command) (*engine.Engine, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("containers need root: try it with sudo")
	}
	containers, err := engine.New(command.String("root"), command.String("run-root"))
	if err != nil {
		return nil, err
	}
	containers.Explain = a.explain(command)
	if driver := command.String("storage-driver"); driver != "" {
		err = containers.UseDriver(driver)
	}
	return containers, err
}

// explain is who hears of the steps to the kernel, if the user wants them told.
func (a *app) explain(command *cli.Command) explain.Log {
	if !command.Bool("explain") {
		return nil
	}
	return explain.Printer(a.stderr)
}

// positional returns the end of what was typed that the parser found to be
// positional and reported as parsed. It drops a "--" even behind the first
// positional argument, where it is the program's own: `run base echo -- a`.
func (a *app) positional(parsed []string) []string {
	tail := a.args[len(a.args)-len(parsed):]
	if slices.Equal(tail, parsed) {
		return tail
	}
	return a.args[len(a.args)-len(parsed)-1:]
}
