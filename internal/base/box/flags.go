package main

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// newFlags returns the flag set of an applet: short flags may be joined (-la),
// and a mistake is one line on standard error and exit status 2.
func newFlags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse parses the arguments behind the applet's name.
func parse(flags *pflag.FlagSet, args []string) error {
	err := flags.Parse(args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return failure{0, errors.New("usage: " + args[0] + " " + strings.TrimSpace(flags.FlagUsages()))}
	}
	if err != nil {
		return failure{2, err}
	}
	return nil
}
