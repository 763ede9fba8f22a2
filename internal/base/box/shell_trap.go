package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// traps are the commands that signals run. The interpreter knows the trap of the
// shell's exit; those of signals are kept here, and run before the next command.
type traps struct {
	mutex   sync.Mutex
	actions map[os.Signal]string
	arrived chan os.Signal
}

func newTraps() *traps {
	return &traps{actions: make(map[os.Signal]string), arrived: make(chan os.Signal, 16)}
}

// call sees every command before it runs: it does what the interpreter does not
// know, and puts the command of a signal that has arrived before the one that is
// due.
func (s *shell) call(ctx context.Context, args []string) ([]string, error) {
	switch {
	case args[0] == "trap" && len(args) > 2:
		return s.traps.set(args), nil
	case args[0] == "exec" && len(args) > 1:
		return nil, s.replace(ctx, args[1:])
	case args[0] == "umask":
		return umask(args), nil
	case s.jobs != nil && (args[0] == "jobs" || args[0] == "fg" || args[0] == "bg"):
		return s.jobCommand(ctx, args)
	case args[0] == "kill":
		// The interpreter has this name, and nothing behind it.
		here := interp.HandlerCtx(ctx)
		if path, err := interp.LookPathDir(here.Dir, here.Env, "kill"); err == nil {
			args = append([]string{path}, args[1:]...)
		}
	}
	select {
	case received := <-s.traps.arrived:
		return []string{"eval", s.traps.action(received) + "\n" + quoted(args)}, nil
	default:
		return args, nil
	}
}

// set keeps the action of `trap ACTION SIGNAL...` and returns what is left for
// the interpreter to do.
func (t *traps) set(args []string) []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	rest := []string{"trap", args[1]}
	for _, name := range args[2:] {
		number := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG"))
		switch {
		case number == 0:
			rest = append(rest, name)
		case args[1] == "-":
			delete(t.actions, number)
			signal.Reset(number)
		case args[1] == "":
			delete(t.actions, number)
			signal.Ignore(number)
		default:
			t.actions[number] = args[1]
			signal.Notify(t.arrived, number)
		}
	}
	if len(rest) == 2 {
		return []string{"true"}
	}
	return rest
}

func (t *traps) action(received os.Signal) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.actions[received.(syscall.Signal)]
}

func quoted(args []string) string {
	words := slices.Clone(args)
	for index, word := range words {
		// Only a NUL cannot be quoted, and no argument holds one.
		if text, err := syntax.Quote(word, syntax.LangBash); err == nil {
			words[index] = text
		}
	}
	return strings.Join(words, " ")
}

// jobCommand does what is asked of the jobs, and leaves its status for the
// interpreter to have.
func (s *shell) jobCommand(ctx context.Context, args []string) ([]string, error) {
	err := s.jobs.command(args, interp.HandlerCtx(ctx).Stderr)
	if !isStatus(err) {
		return nil, err
	}
	return []string{"eval", fmt.Sprintf("(exit %d)", statusOf(err))}, nil
}
