// Command bench measures tinydocker beside what people would use instead, as far as
// that is installed.
//
//	bench [-rows REGEXP] [-samples N] [-o FOLDER] [-document FILE] TINYDOCKER BASE.TAR
//
// Every sample of one program is followed by a sample of each other one, so whatever
// else the machine does meets all of them alike: look at the ratios. It prints a
// table, and writes into FOLDER (bin/benchmarks) the samples for benchstat (bench.txt), all figures
// (bench.json), the table for a document (bench.md) and a chart (bench.svg).
//
// All of it happens in namespaces of its own: nothing of it is left, on the network
// or otherwise, whatever becomes of it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"

	"golang.org/x/sys/unix"
)

// inside is the first argument of this program in its own namespaces.
const inside = "inside"

func main() {
	if err := run(os.Args[1:]); err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) > 0 {
		switch arguments[0] {
		case inside:
			return measureInside(arguments[1:])
		case unpackRole:
			return unpack(arguments[1], arguments[2])
		}
	}
	return enclose(arguments)
}

// enclose runs this program once more, in namespaces that end with it, and every
// process in them. There is no network in there, so what is to be fetched is fetched
// before.
func enclose(arguments []string) error {
	if os.Geteuid() != 0 {
		return errors.New("containers need root: try it with sudo")
	}
	tools, err := os.MkdirTemp("", "bench-tools")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tools) //nolint:errcheck // what is left is in the folder for what may go
	if err := installHostLocal(tools); err != nil {
		fmt.Fprintln(os.Stderr, "bench: without host-local:", err)
	}
	again := exec.Command("/proc/self/exe", append([]string{inside}, arguments...)...)
	again.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":"+tools)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	var ended *exec.ExitError
	if err := again.Run(); errors.As(err, &ended) {
		return errSaid
	} else if err != nil {
		return fmt.Errorf("start in namespaces of its own: %w", err)
	}
	return nil
}

// errSaid is an error that the program inside has printed.
var errSaid = errors.New("the measurement has failed")

// task is what is to be measured, with what, and where the figures go.
type task struct {
	program, image string
	rows           *regexp.Regexp
	samples        int
	folder         string
	document       string // or ""
}

// parse reads the arguments, and makes the folder for the figures: what cannot be
// written is known before it is measured.
func parse(arguments []string) (task, error) {
	var asked task
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rows := flags.String("rows", ".", "measure only the rows whose name matches this `REGEXP`")
	flags.IntVar(&asked.samples, "samples", 21, "so many of each program; slow rows take fewer")
	flags.StringVar(&asked.folder, "o", "bin/benchmarks", "write the figures into this `FOLDER`")
	flags.StringVar(&asked.document, "document", "", "put the table into this `FILE`, too, and the chart beside it")
	if err := flags.Parse(arguments); err != nil {
		return task{}, err
	}
	if flags.NArg() != 2 {
		return task{}, errors.New("usage: bench [-rows REGEXP] [-samples N] [-o FOLDER] [-document FILE] TINYDOCKER BASE.TAR")
	}
	if asked.samples < 1 {
		return task{}, fmt.Errorf("so many samples cannot be taken: %d", asked.samples)
	}
	var problems [3]error
	asked.rows, problems[0] = regexp.Compile(*rows)
	asked.program, problems[1] = filepath.Abs(flags.Arg(0))
	asked.image, problems[2] = filepath.Abs(flags.Arg(1))
	if err := errors.Join(problems[:]...); err != nil {
		return task{}, err
	}
	if asked.document != "" {
		if _, err := updated(asked.document, ""); err != nil {
			return task{}, err
		}
	}
	return asked, os.MkdirAll(asked.folder, 0o755)
}

func measureInside(arguments []string) error {
	asked, err := parse(arguments)
	if err != nil {
		return err
	}
	b, err := newBench(asked.program, asked.image, asked.samples)
	if err != nil {
		return err
	}
	results, err := b.measureAll(asked.rows)
	if err = errors.Join(err, b.close()); err != nil {
		return err
	}
	if err := write(results, asked.folder); err != nil || asked.document == "" {
		return err
	}
	return writeDocument(results, asked.document)
}
