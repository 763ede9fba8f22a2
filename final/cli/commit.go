package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/image"
)

func changeFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "change", Aliases: []string{"c"}, Usage: "an `INSTRUCTION` of a Dockerfile, as in 'CMD [\"sh\"]' or 'ENV A=b'"}
}

func (a *app) commit() *cli.Command {
	return &cli.Command{
		Name: "commit", Category: imagesCategory, Usage: "make an image of a container", ArgsUsage: "CONTAINER [NAME[:TAG]]",
		Metadata: containersThat(anyContainer),
		Description: `What the container has written becomes a layer on top of its image's; what is mounted in it does not:
   tinydocker commit -m "with my tools" -c 'CMD ["sh"]' work tools:1`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "author", Aliases: []string{"a"}, Usage: "`WHO` made it"},
			&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "`WHY`"},
			&cli.BoolFlag{Name: "pause", Aliases: []string{"p"}, Value: true, Usage: "pause the container meanwhile"},
			changeFlag(),
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if count := command.Args().Len(); count < 1 || count > 2 {
				return errors.New("commit: give a container and the image's name")
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			made, err := containers.Commit(command.Args().First(), engine.CommitOptions{
				Pause: command.Bool("pause"),
				MakeOptions: image.MakeOptions{
					Name: command.Args().Get(1), Author: command.String("author"), Comment: command.String("message"), Changes: command.StringSlice("change"),
				},
			})
			if err != nil {
				return named("commit", err)
			}
			fmt.Fprintln(a.stdout, made.ID)
			return nil
		},
	}
}

func (a *app) importImage() *cli.Command {
	return &cli.Command{
		Name: "import", Category: imagesCategory, Usage: "make an image of the files of a root file system", ArgsUsage: "FILE|- [NAME[:TAG]]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "`WHY`"},
			changeFlag(),
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if count := command.Args().Len(); count < 1 || count > 2 {
				return errors.New("import: give an archive, or - for standard input, and the image's name")
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			path := command.Args().First()
			source, err := a.openArchive(path)
			if err != nil {
				return named("import", err)
			}
			defer source.Close()
			comment := command.String("message")
			if comment == "" {
				comment = "Imported from " + path
			}
			made, err := containers.ImageStore().Import(source, image.MakeOptions{
				Name: command.Args().Get(1), Comment: comment, Changes: command.StringSlice("change"),
			})
			if err != nil {
				return named("import", err)
			}
			fmt.Fprintln(a.stdout, made.ID)
			return nil
		},
	}
}
