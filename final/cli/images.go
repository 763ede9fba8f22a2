package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
)

func (a *app) images() *cli.Command {
	return &cli.Command{
		Name:     "images",
		Category: imagesCategory,
		Usage:    "list the images",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only their ids"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			images, err := containers.Images()
			if err != nil {
				return err
			}
			return a.printImages(images, command.Bool("quiet"))
		},
	}
}

func (a *app) printImages(images []engine.ImageSummary, quiet bool) error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 3, ' ', 0)
	if !quiet {
		fmt.Fprintln(table, "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE")
	}
	for _, image := range images {
		id := image.ID.Encoded()[:12]
		if quiet {
			fmt.Fprintln(table, id)
			continue
		}
		created := "N/A" // the built-in image is the same whenever it was built
		if image.Config.Created != nil && image.Config.Created.Unix() != 0 {
			created = ago(time.Now(), *image.Config.Created)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", image.Reference.Repository, image.Reference.Tag, id, created,
			units.HumanSizeWithPrecision(float64(image.Size), 3))
	}
	return table.Flush()
}
