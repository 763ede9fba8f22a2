package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"mytinydocker/final/engine"
)

func (a *app) cp() *cli.Command {
	return &cli.Command{
		Name: "cp", Category: containersCategory, Usage: "copy files between a container and this machine", ArgsUsage: "CONTAINER:PATH PATH|-  or  PATH|- CONTAINER:PATH",
		Description: `A file out of a container, running or not, and a folder's content into one:
   tinydocker cp web:/etc/hosts .
   tinydocker cp site/. web:/var/www
All of it as an archive:
   tinydocker cp web:/var/www - | tar tv`,
		Metadata: completed(func(containers *engine.Engine) ([]string, error) {
			list, err := containers.List()
			var names []string
			for index := range list {
				names = append(names, list[index].Name+":")
			}
			return names, err
		}),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "archive", Aliases: []string{"a"}, Usage: "keep the numbers of users and groups"},
			&cli.BoolFlag{Name: "follow-link", Aliases: []string{"L"}, Usage: "copy what a link leads to that is named as the source"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if command.Args().Len() != 2 {
				return errors.New("cp: give a source and a target")
			}
			from, to := engine.ParsePlace(command.Args().Get(0)), engine.ParsePlace(command.Args().Get(1))
			file, ok := a.stdout.(interface{ Fd() uintptr })
			if to == (engine.Place{Path: "-"}) && ok && term.IsTerminal(int(file.Fd())) {
				return errors.New("cp: an archive is nothing for a terminal: send it to a file or a pipe")
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			options := engine.CopyOptions{FollowLink: command.Bool("follow-link"), KeepOwners: command.Bool("archive")}
			return named("cp", containers.Copy(from, to, options, a.streams()))
		},
	}
}

func (a *app) diff() *cli.Command {
	return &cli.Command{
		Name: "diff", Category: containersCategory, Usage: "list what a container has changed of its image's files", ArgsUsage: "CONTAINER",
		Metadata: containersThat(anyContainer),
		Action: func(_ context.Context, command *cli.Command) error {
			containers, name, err := a.one(command, "container")
			if err != nil {
				return err
			}
			changes, err := containers.Changes(name)
			if err != nil {
				return fmt.Errorf("diff: %w", err)
			}
			for _, change := range changes {
				fmt.Fprintln(a.stdout, visible(change.String()))
			}
			return nil
		},
	}
}
