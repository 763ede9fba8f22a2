package cli

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
)

func (a *app) logs() *cli.Command {
	return &cli.Command{
		Name: "logs", Category: containersCategory, Usage: "print what a container has printed", ArgsUsage: "CONTAINER",
		Metadata: containersThat(anyContainer),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on with what it prints, until it ends"},
			&cli.StringFlag{Name: "tail", Aliases: []string{"n"}, Value: "all", Usage: "only the last `COUNT` lines"},
			&cli.StringFlag{Name: "since", Usage: "only what is not older than a `TIME`: 2026-01-02T03:04:05, seconds since 1970, or as in 42m"},
			&cli.StringFlag{Name: "until", Usage: "only what is older than a `TIME`"},
			&cli.BoolFlag{Name: "timestamps", Aliases: []string{"t"}, Usage: "put the time before each line"},
		},
		Action: func(_ context.Context, command *cli.Command) error {
			options := engine.LogOptions{Follow: command.Bool("follow"), Timestamps: command.Bool("timestamps"), Tail: tail(command.String("tail"))}
			for name, moment := range map[string]*time.Time{"since": &options.Since, "until": &options.Until} {
				var err error
				if *moment, err = parseMoment(command.String(name), time.Now()); err != nil {
					return fmt.Errorf("logs: --%s: %w", name, err)
				}
			}
			containers, name, err := a.one(command, "container")
			if err != nil {
				return err
			}
			damaged, err := containers.Logs(name, options, a.streams())
			if damaged > 0 {
				a.complain(fmt.Errorf("logs: %d damaged lines of the log are left out", damaged))
			}
			return named("logs", err)
		},
	}
}

// tail is how many lines are wanted. What is no number, and a negative one, means
// all, as docker-logs(1) has it.
func tail(text string) int {
	count, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return count
}

// parseMoment understands a point in time: RFC 3339, with or without its end, seconds
// since 1970, or how long before now. An empty text is none.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 1e12 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e9)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02", "2006-01-02Z07:00"} {
		if moment, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return moment, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid time %q: as in 2026-01-02T03:04:05Z, 1767323045 or 42m", text)
}
