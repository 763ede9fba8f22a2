package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"mytinydocker/final/engine"
)

// outputFlag is where an archive goes.
func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to a `FILE` instead of standard output"}
}

func (a *app) save() *cli.Command {
	return &cli.Command{
		Name: "save", Category: imagesCategory, Usage: "write images, with all that belongs to them, as an archive", ArgsUsage: "IMAGE...",
		Metadata: completed(imageNames),
		Description: `To another machine, and to other tools, of which all read an OCI image layout:
   tinydocker save web | ssh other tinydocker load
   tinydocker save --format oci -o web.tar web`,
		Flags: []cli.Flag{
			outputFlag(),
			&cli.StringFlag{Name: "format", Value: "docker", Usage: "`FORMAT` docker, which is an OCI layout, too, or only oci"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			format := command.String("format")
			if format != "docker" && format != "oci" {
				return fmt.Errorf("save: unknown format %q: docker or oci", format)
			}
			containers, err := a.engineFor(command, "image")
			if err != nil {
				return err
			}
			return named("save", a.writeArchive(command, func(out io.Writer) error {
				return containers.ImageStore().Save(command.Args().Slice(), out, format == "oci")
			}))
		},
	}
}

func (a *app) export() *cli.Command {
	return &cli.Command{
		Name: "export", Category: imagesCategory, Usage: "write all files of a container as an archive", ArgsUsage: "CONTAINER",
		Metadata: containersThat(anyContainer),
		Flags:    []cli.Flag{outputFlag()},
		Action: func(_ context.Context, command *cli.Command) error {
			containers, name, err := a.one(command, "container")
			if err != nil {
				return err
			}
			return named("export", a.writeArchive(command, func(out io.Writer) error { return containers.Export(name, out) }))
		},
	}
}

// writeArchive writes to standard output, or to a file that is then there as a whole
// or not at all.
func (a *app) writeArchive(command *cli.Command, write func(io.Writer) error) error {
	path := command.String("output")
	if path == "" {
		file, ok := a.stdout.(*os.File)
		if ok && term.IsTerminal(int(file.Fd())) {
			return errors.New("an archive is nothing for a terminal: use -o, or send it to a file or a pipe")
		}
		return write(a.stdout)
	}
	return writeWhole(path, write)
}

func (a *app) load() *cli.Command {
	return &cli.Command{
		Name: "load", Category: imagesCategory, Usage: "read images from an archive of save, of Docker or of OCI",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "input", Aliases: []string{"i"}, Usage: "read from a `FILE` instead of standard input"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "draw nothing"},
		},
		Action: func(ctx context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			source, err := a.openArchive(command.String("input"))
			if err != nil {
				return named("load", err)
			}
			defer source.Close()
			return named("load", a.loadFrom(ctx, containers, source, command.Bool("quiet")))
		},
	}
}

func (a *app) loadFrom(ctx context.Context, containers *engine.Engine, source io.Reader, quiet bool) error {
	progress, done := a.progress(quiet)
	images, err := containers.ImageStore().Load(ctx, source, progress)
	done()
	if err != nil {
		return err
	}
	for _, image := range images {
		if image.Reference.Repository == "" {
			fmt.Fprintf(a.stdout, "Loaded image ID: %s\n", image.ID)
		} else {
			fmt.Fprintf(a.stdout, "Loaded image: %s\n", image.Reference)
		}
	}
	return nil
}

// openArchive opens what is to be read: a file, or standard input for "" and "-". A
// person cannot type it.
func (a *app) openArchive(path string) (*os.File, error) {
	if path != "" && path != "-" {
		return os.Open(path)
	}
	if term.IsTerminal(int(a.stdin.Fd())) {
		return nil, errors.New("an archive is to come from standard input, which is a terminal: name a file, or use a pipe")
	}
	return a.stdin, nil
}
