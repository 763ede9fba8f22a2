package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

var shellApplets = map[string]applet{"sh": sh}

// shell is a POSIX shell around the interpreter of mvdan.cc/sh, which runs
// everything but programs: those are processes of their own.
type shell struct {
	runner *interp.Runner
	traps  *traps
	reaper *reaper
	jobs   *jobs // nil unless we are interactive
}

// sh is the shell: `sh`, `sh FILE [ARG...]` or `sh -c COMMAND [NAME [ARG...]]`,
// with the options -e, -u and -x.
func sh(args []string) error {
	options, args, command, err := shellArguments(args[1:])
	if err != nil {
		return err
	}
	interactive := command == nil && len(args) == 0 && term.IsTerminal(0)
	s := &shell{traps: newTraps(), reaper: newReaper()}
	if interactive {
		s.jobs = &jobs{terminal: os.Stdin, reaper: s.reaper}
	}
	source := io.Reader(os.Stdin)
	name := "sh"
	switch {
	case command != nil:
		source = strings.NewReader(*command)
		args = args[min(1, len(args)):] // $0
	case len(args) > 0:
		file, err := os.Open(args[0])
		if err != nil {
			return failure{127, err}
		}
		defer file.Close()
		source, name, args = file, args[0], args[1:]
	}
	parameters := append(options, append([]string{"--"}, args...)...)
	s.runner, err = interp.New(
		interp.Interactive(interactive), interp.StdIO(os.Stdin, os.Stdout, os.Stderr), interp.Params(parameters...),
		interp.Env(expand.ListEnviron(os.Environ()...)), interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
	)
	if err != nil {
		return failure{2, err}
	}
	if interactive {
		return s.interact()
	}
	return s.script(source, name)
}

// shellArguments separates the shell's options, the command of -c, if there is
// one, and the rest.
func shellArguments(args []string) (options, rest []string, command *string, err error) {
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		letters := args[0][1:]
		args = args[1:]
		for _, letter := range letters {
			switch letter {
			case 'c':
				command = new(string)
			case 'e', 'u', 'x':
				options = append(options, "-"+string(letter))
			case 'i', 'l', 's':
			default:
				return nil, nil, nil, failure{2, fmt.Errorf("unknown option -%c", letter)}
			}
		}
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if command != nil {
		if len(args) == 0 {
			return nil, nil, nil, failure{2, errors.New("-c needs a command")}
		}
		*command, args = args[0], args[1:]
	}
	return options, args, command, nil
}

// script runs a source statement by statement, so that what is behind an `exit`
// or an `exec` is never even read.
func (s *shell) script(source io.Reader, name string) error {
	last := error(nil)
	for statement, err := range syntax.NewParser().StmtsSeq(source) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "sh: %v\n", err)
			return exitStatus(2)
		}
		last = s.runner.Run(context.Background(), statement)
		if s.runner.Exited() || !isStatus(last) {
			break
		}
	}
	return s.finish(last)
}

// finish runs the exit trap and turns the last result into an exit status.
func (s *shell) finish(last error) error {
	if !s.runner.Exited() {
		end, err := syntax.NewParser().Parse(strings.NewReader(fmt.Sprintf("exit %d", statusOf(last))), "")
		if err != nil {
			return err
		}
		last = s.runner.Run(context.Background(), end)
	}
	if !isStatus(last) {
		return last
	}
	return exitStatus(statusOf(last))
}

func isStatus(err error) bool {
	var status interp.ExitStatus
	return err == nil || errors.As(err, &status)
}

func statusOf(err error) int {
	var status interp.ExitStatus
	if err != nil && !errors.As(err, &status) {
		return 1
	}
	return int(status)
}

// interact reads commands from the terminal, which edits the line itself.
func (s *shell) interact() error {
	// Caught and dropped, not ignored: what is ignored is ignored by programs that
	// we start, too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTSTP, syscall.SIGQUIT, syscall.SIGTERM)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	go func() {
		for range interrupts {
			// The terminal has dropped the line that was being typed.
			fmt.Fprint(os.Stdout, "\n"+prompt())
		}
	}()
	parser := syntax.NewParser()
	last := error(nil)
	fmt.Fprint(os.Stdout, prompt())
	for statements, err := range parser.InteractiveSeq(bufio.NewReader(os.Stdin)) {
		switch {
		case err != nil:
			fmt.Fprintf(os.Stderr, "sh: %v\n", err)
			return s.interact() // what is left of the line is lost with the parser
		case parser.Incomplete():
			fmt.Fprint(os.Stdout, "> ")
			continue
		}
		for _, statement := range statements {
			ctx := context.Background()
			if statement.Background {
				ctx = context.WithValue(ctx, inBackground{}, true)
			}
			last = s.runner.Run(ctx, statement)
			if s.runner.Exited() {
				return s.finish(last)
			}
			if !isStatus(last) {
				fmt.Fprintf(os.Stderr, "sh: %v\n", last)
			}
		}
		fmt.Fprint(os.Stdout, prompt())
	}
	fmt.Fprintln(os.Stdout)
	return s.finish(last)
}

func prompt() string {
	sign := "$"
	if os.Geteuid() == 0 {
		sign = "#"
	}
	folder, err := os.Getwd()
	if err != nil {
		folder = "?"
	}
	return folder + " " + sign + " "
}
