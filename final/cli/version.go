package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"
)

func (a *app) version() *cli.Command {
	return &cli.Command{
		Name:     "version",
		Category: systemCategory,
		Usage:    "print what this is and what it runs on",
		Action: func(_ context.Context, command *cli.Command) error {
			if err := noArguments(command); err != nil {
				return err
			}
			a.sayVersion()
			fmt.Fprintf(a.stdout, " go:      %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			var kernel unix.Utsname
			if err := unix.Uname(&kernel); err != nil {
				return fmt.Errorf("ask for the kernel's version: %w", err)
			}
			fmt.Fprintf(a.stdout, " kernel:  %s\n", unix.ByteSliceToString(kernel.Release[:]))
			return nil
		},
	}
}

func (a *app) sayVersion() { fmt.Fprintf(a.stdout, "tinydocker %s\n", revision()) }

// printVersion is what the global flag does, instead of any command.
func (a *app) printVersion(_ context.Context, _ *cli.Command, wanted bool) error {
	if !wanted {
		return nil
	}
	a.sayVersion()
	return exit(0)
}

// revision is the commit this was built from, as far as the build knows.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	revision, modified := info.Main.Version, ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value[:12]
		case setting.Key == "vcs.modified" && setting.Value == "true":
			modified = " (modified)"
		}
	}
	return revision + modified
}
