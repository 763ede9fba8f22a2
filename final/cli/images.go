package cli

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
	"mytinydocker/final/image"
)

var imageFilters = []string{"before", "dangling", "label", "reference", "since"}

func (a *app) images() *cli.Command {
	return &cli.Command{
		Name: "images", Category: imagesCategory, Usage: "list the images", ArgsUsage: "[NAME]",
		Metadata: completed(imageNames),
		Flags: formatFlags(
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "all of them, which is so anyway"},
			&cli.BoolFlag{Name: "digests", Usage: "show what registries call them"},
			filterFlag(imageFilters...),
		),
		Action: func(_ context.Context, command *cli.Command) error {
			if command.Args().Len() > 1 {
				return fmt.Errorf("images: unexpected argument %q", command.Args().Get(1))
			}
			containers, err := a.engine(command)
			if err != nil {
				return err
			}
			images, err := containers.Images()
			if err != nil {
				return err
			}
			return named("images", a.printImages(containers, command, images))
		},
	}
}

// imageRow is an image as a template sees it.
type imageRow struct {
	ID, Repository, Tag, Digest, CreatedSince, CreatedAt, Size string
}

func (a *app) printImages(containers *engine.Engine, command *cli.Command, images []engine.ImageSummary) error {
	keep, err := imageFilter(containers, command)
	if err != nil {
		return err
	}
	list := listing[imageRow]{
		columns: []column{{"REPOSITORY", "Repository"}, {"TAG", "Tag"}, {"IMAGE ID", "ID"}, {"CREATED", "CreatedSince"}, {"SIZE", "Size"}},
		more:    map[string]string{"Digest": "DIGEST", "CreatedAt": "CREATED AT"},
		id:      func(row imageRow) string { return row.ID },
	}
	if command.Bool("digests") {
		list.columns = append(list.columns[:2], append([]column{{"DIGEST", "Digest"}}, list.columns[2:]...)...)
	}
	seen := make(map[string]bool)
	for index := range images {
		row := imageRowOf(&images[index], command.Bool("no-trunc"))
		if !keep(images[index].Image) || command.Bool("quiet") && seen[row.ID] {
			continue
		}
		seen[row.ID] = true
		list.rows = append(list.rows, row)
	}
	return list.print(command, a.stdout)
}

func imageRowOf(summary *engine.ImageSummary, whole bool) imageRow {
	row := imageRow{
		ID: shortID(summary.Image, whole), Repository: "<none>", Tag: "<none>", Digest: "<none>", CreatedSince: "N/A", CreatedAt: "N/A",
		Size: units.HumanSizeWithPrecision(float64(summary.Size), 3),
	}
	if summary.Reference.Repository != "" {
		row.Repository = summary.Reference.Repository
	}
	if summary.Reference.Tag != "" {
		row.Tag = summary.Reference.Tag
	}
	if summary.Size < 0 {
		row.Size = "N/A"
	}
	if summary.Damage != nil {
		row.CreatedSince, row.CreatedAt = "damaged", "damaged"
		return row
	}
	if summary.Source != "" {
		row.Digest = summary.Source.String()
	}
	// The built-in image is the same whenever it was built.
	if created := summary.Config.Created; created != nil && created.Unix() != 0 {
		row.CreatedSince, row.CreatedAt = ago(time.Now(), *created), created.Local().Format(time.DateTime+" -0700 MST")
	}
	return row
}

func shortID(image *image.Image, whole bool) string {
	if whole {
		return image.ID.String()
	}
	return image.ID.Encoded()[:12]
}

// imageFilter makes a test of the filters and of the name that is an argument.
func imageFilter(containers *engine.Engine, command *cli.Command) (func(*image.Image) bool, error) {
	wanted, err := parseFilters(command, imageFilters...)
	if err != nil {
		return nil, err
	}
	for _, value := range wanted["dangling"] {
		if _, err := strconv.ParseBool(value); err != nil {
			return nil, fmt.Errorf("invalid filter dangling=%s: true or false", value)
		}
	}
	times := make(map[string]time.Time)
	for _, key := range []string{"before", "since"} {
		for _, name := range wanted[key] {
			other, err := containers.ImageStore().Find(name)
			if err != nil {
				return nil, err
			}
			times[name] = createdOf(other)
		}
	}
	name := command.Args().First()
	if _, err := path.Match(name, ""); err != nil || visible(name) != name {
		return nil, fmt.Errorf("invalid name %q: a repository, with a tag or not, in which * stands for anything but a slash", name)
	}
	return func(image *image.Image) bool {
		dangling := image.Reference.Repository == ""
		return (name == "" || matchReference(image, name)) && wanted.matchLabels(image.Config.Config.Labels) &&
			wanted.match("dangling", func(value string) bool { want, _ := strconv.ParseBool(value); return want == dangling }) &&
			wanted.match("reference", func(value string) bool { return matchReference(image, value) }) &&
			wanted.match("before", func(value string) bool { return createdOf(image).Before(times[value]) }) &&
			wanted.match("since", func(value string) bool { return createdOf(image).After(times[value]) })
	}, nil
}

func createdOf(image *image.Image) time.Time {
	if image.Config.Created == nil {
		return time.Time{}
	}
	return *image.Config.Created
}

// matchReference reports whether an image has a name of a pattern, with a tag or
// without.
func matchReference(image *image.Image, pattern string) bool {
	for _, name := range []string{image.Reference.Repository, image.Reference.String(), strings.TrimSuffix(image.Reference.String(), ":latest")} {
		if matched, err := path.Match(pattern, name); err == nil && matched && name != "" {
			return true
		}
	}
	return false
}
