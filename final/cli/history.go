package cli

import (
	"context"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"
)

// historyRow is a step of an image's making as a template sees it.
type historyRow struct {
	ID, CreatedSince, CreatedAt, CreatedBy, Size, Comment string
}

func (a *app) history() *cli.Command {
	return &cli.Command{
		Name: "history", Category: imagesCategory, Usage: "list how an image was made", ArgsUsage: "IMAGE", Metadata: completed(imageNames),
		Flags: formatFlags(),
		Action: func(_ context.Context, command *cli.Command) error {
			containers, name, err := a.one(command, "image")
			if err != nil {
				return err
			}
			image, err := containers.ImageStore().Find(name)
			if err != nil {
				return named("history", err)
			}
			steps, err := containers.ImageStore().History(image)
			if err != nil {
				return named("history", err)
			}
			list := listing[historyRow]{
				columns: []column{{"IMAGE", "ID"}, {"CREATED", "CreatedSince"}, {"CREATED BY", "CreatedBy"}, {"SIZE", "Size"}, {"COMMENT", "Comment"}},
				id:      func(row historyRow) string { return row.ID },
			}
			whole := command.Bool("no-trunc")
			for index, step := range steps {
				row := historyRow{
					ID: "<missing>", CreatedSince: "N/A", CreatedAt: "N/A", Comment: visible(step.Comment),
					CreatedBy: visible(strings.Join(strings.Fields(step.CreatedBy), " ")), Size: units.HumanSizeWithPrecision(float64(step.Size), 3),
				}
				if index == 0 {
					row.ID = shortID(image, whole)
				}
				if !step.Created.IsZero() && step.Created.Unix() != 0 {
					row.CreatedSince, row.CreatedAt = ago(time.Now(), step.Created), step.Created.Format(time.RFC3339)
				}
				if runes := []rune(row.CreatedBy); !whole && len(runes) > 45 {
					row.CreatedBy = string(runes[:44]) + "…"
				}
				list.rows = append(list.rows, row)
			}
			return named("history", list.print(command, a.stdout))
		},
	}
}
