package cli

import (
	"context"
	"fmt"
	"os/signal"
	"sync"

	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"mytinydocker/final/image"
)

func (a *app) pull() *cli.Command {
	return &cli.Command{
		Name: "pull", Category: imagesCategory, Usage: "get an image from a registry", ArgsUsage: "NAME[:TAG|@DIGEST]", Metadata: completed(imageNames),
		Description: `From Docker Hub, and from a registry on this machine:
   tinydocker pull alpine:3
   tinydocker pull localhost:5000/team/tool`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "platform", Usage: "of several images the one for `PLATFORM`, as in linux/arm64"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only its name"},
		},
		Action: func(ctx context.Context, command *cli.Command) error {
			containers, name, err := a.one(command, "image")
			if err != nil {
				return err
			}
			ctx, stop := interruptible(ctx)
			defer stop()
			progress, done := a.progress(command.Bool("quiet"))
			pulled, err := containers.ImageStore().Pull(ctx, name, image.PullOptions{Platform: command.String("platform"), Progress: progress})
			done()
			if err != nil {
				return interrupted(ctx, err)
			}
			if pulled.Source != "" && !command.Bool("quiet") {
				fmt.Fprintf(a.stdout, "Digest: %s\n", pulled.Source)
			}
			fmt.Fprintln(a.stdout, pulled.Reference)
			return nil
		},
	}
}

func (a *app) push() *cli.Command {
	return &cli.Command{
		Name: "push", Category: imagesCategory, Usage: "bring an image to the registry in its name", ArgsUsage: "NAME[:TAG]", Metadata: completed(imageNames),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only its digest"}},
		Action: func(ctx context.Context, command *cli.Command) error {
			containers, name, err := a.one(command, "image")
			if err != nil {
				return err
			}
			ctx, stop := interruptible(ctx)
			defer stop()
			progress, done := a.progress(command.Bool("quiet"))
			id, err := containers.ImageStore().Push(ctx, name, progress)
			done()
			if err != nil {
				return interrupted(ctx, err)
			}
			if command.Bool("quiet") {
				fmt.Fprintln(a.stdout, id)
			} else {
				fmt.Fprintf(a.stdout, "Digest: %s\n", id)
			}
			return nil
		},
	}
}

// interruptible has a signal end a transfer in order, and a second one at once.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	var once sync.Once
	end := func() { once.Do(stop) }
	context.AfterFunc(ctx, end)
	return ctx, end
}

// interrupted is an error, or the exit status of who was interrupted by a person.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return failure{128 + int(unix.SIGINT), fmt.Errorf("interrupted: what was complete is kept for the next time")}
	}
	return err
}
