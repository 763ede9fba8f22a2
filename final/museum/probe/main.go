// Command probe is what the museum's visitors bring into a container: a program
// without libraries that tries one thing, and prints how the kernel answered.
//
//	probe try ATTEMPT...     a line "ATTEMPT ANSWER" for each of the attempts of calls.go
//	probe write PATH...      the same for opening files for writing; nothing is written
//	probe read PATH...       the same for reading the first byte of files
//	probe NAME [ARG...]      one of the programs of programs.go
//
// An answer is the name of an error of errno(3), or "done".
package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "probe: say what to try")
		os.Exit(2)
	}
	name, args := os.Args[1], os.Args[2:]
	switch name {
	case "try":
		for _, arg := range args {
			attempt, known := attempts[arg]
			if !known {
				fmt.Fprintln(os.Stderr, "probe: unknown attempt", arg)
				os.Exit(2)
			}
			say(arg, attempt())
		}
	case "write":
		each(args, func(path string) error { return open(path, unix.O_WRONLY) })
	case "read":
		each(args, read)
	default:
		program, known := programs[name]
		if !known {
			fmt.Fprintln(os.Stderr, "probe: unknown program", name)
			os.Exit(2)
		}
		if err := program(args); err != nil {
			say(name, err)
			os.Exit(1)
		}
	}
}

func each(paths []string, try func(path string) error) {
	for _, path := range paths {
		say(path, try(path))
	}
}

func say(what string, err error) { fmt.Fprintln(os.Stdout, what, answer(err)) }

func answer(err error) string {
	number := unix.Errno(0)
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &number):
		return unix.ErrnoName(number)
	default:
		return err.Error()
	}
}

// open opens a file as somebody who wants to do something with it, and lets it be.
func open(path string, flags int) error {
	file, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	return unix.Close(file)
}

// read reads one byte; a file that has none is empty.
func read(path string) error {
	file, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(file)
	count, err := unix.Read(file, make([]byte, 1))
	if err == nil && count == 0 {
		return errors.New("empty")
	}
	return err
}
