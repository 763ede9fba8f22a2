package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/u-root/u-root/pkg/core"
	"github.com/u-root/u-root/pkg/core/base64"
	"github.com/u-root/u-root/pkg/core/gzip"
)

var archiveApplets = map[string]applet{
	"tar": pack, "xargs": xargs, "base64": of(base64.New),
	"gzip": of(gzipAs("gzip")), "gunzip": of(gzipAs("gunzip")), "zcat": of(gzipAs("gzcat")),
}

func gzipAs(name string) func() core.Command {
	return func() core.Command { return gzip.New(name) }
}

// xargs runs a command with what it reads as arguments: xargs [-0] [-n COUNT]
// [-I WORD] [COMMAND [ARG...]].
func xargs(args []string) error {
	flags := newFlags("xargs")
	flags.SetInterspersed(false)
	zero := flags.BoolP("null", "0", false, "arguments end with a NUL, not with space")
	most := flags.IntP("max-args", "n", 5000, "so many arguments at once")
	word := flags.StringP("replace", "I", "", "replace this word by each line")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	command := flags.Args()
	if len(command) == 0 {
		command = []string{"echo"}
	}
	content, err := io.ReadAll(bufio.NewReader(os.Stdin))
	if err != nil {
		return err
	}
	items := strings.Fields(string(content))
	switch {
	case *zero:
		items = strings.FieldsFunc(string(content), func(r rune) bool { return r == 0 })
	case *word != "":
		items = strings.FieldsFunc(string(content), func(r rune) bool { return r == '\n' })
	}
	if *word != "" {
		*most = 1
	}
	for len(items) > 0 {
		count := min(max(*most, 1), len(items))
		if err := runWith(command, items[:count], *word); err != nil {
			return err
		}
		items = items[count:]
	}
	return nil
}

// runWith runs a command with more arguments, or with word replaced by the first.
func runWith(command, items []string, word string) error {
	words := append(command[:len(command):len(command)], items...)
	if word != "" {
		words = nil
		for _, text := range command {
			words = append(words, strings.ReplaceAll(text, word, items[0]))
		}
	}
	program := exec.Command(words[0], words[1:]...)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	err := program.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exitStatus(123) // as xargs(1) has it
	}
	if err != nil {
		return failure{127, err}
	}
	return nil
}
