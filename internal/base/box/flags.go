package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// newFlags returns the flag set of an applet: short flags may be joined (-la).
func newFlags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse parses the arguments behind the applet's name, of which at least so many
// must be operands. A mistake is one line on standard error and exit status 2.
func parse(flags *pflag.FlagSet, args []string, operands int) error {
	err := flags.Parse(args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Printf("%s:\n%s", args[0], flags.FlagUsages())
		os.Exit(0)
	}
	if err != nil {
		return failure{2, err}
	}
	if flags.NArg() < operands {
		return failure{2, errors.New("missing operand")}
	}
	return nil
}

// dashNumber turns the old way to give a count, -5, into -n 5.
func dashNumber(args []string) []string {
	if len(args) > 1 && len(args[1]) > 1 && args[1][0] == '-' && args[1][1] >= '0' && args[1][1] <= '9' {
		return append([]string{args[0], "-n", args[1][1:]}, args[2:]...)
	}
	return args
}

// bytesOf parses a number of bytes with an optional unit: k, m, g or t for powers
// of 1024.
func bytesOf(text string) (int64, error) {
	digits := strings.TrimRight(strings.ToLower(text), "bi")
	shift := 0
	if len(digits) > 0 {
		if index := strings.IndexByte("kmgt", digits[len(digits)-1]); index >= 0 {
			shift, digits = 10*(index+1), digits[:len(digits)-1]
		}
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || number < 0 || number > 1<<(62-shift) {
		return 0, fmt.Errorf("%q is not a number of bytes", text)
	}
	return number << shift, nil
}
