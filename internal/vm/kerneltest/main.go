// Command kerneltest runs tests of this repository under a kernel of your choice, on
// an emulated machine, and prints what `go test -json` would print, and between that
// lines of text on how far it is.
//
//	kerneltest [FLAG...] [IMAGE [TARGET]]
//
// Without an image it takes the distribution's own kernel, which it downloads; without
// a target, the tests of cgroups. It is run in the repository, and needs no rights.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"mytinydocker/internal/vm"
	"mytinydocker/internal/vm/wire"
)

// options is what the caller asks for.
type options struct {
	image, target string
	modules       string
	cgroups       int
	cpus          int
	run           string
	timeout       time.Duration
	console       bool
}

func main() {
	o, err := parse(os.Args[1:])
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		err = o.test(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kerneltest:", err)
		os.Exit(1)
	}
}

func parse(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("kerneltest", flag.ContinueOnError)
	flags.StringVar(&o.modules, "modules", os.Getenv("VM_MODULES"), "folder with the kernel's modules; without, where distributions have it")
	usual := 2
	if os.Getenv("VM_CGROUPS") == "1" {
		usual = 1
	}
	flags.IntVar(&o.cgroups, "cgroups", usual, "version of the cgroup hierarchies")
	flags.IntVar(&o.cpus, "cpus", 2, "how many processors the machine has")
	flags.StringVar(&o.run, "run", os.Getenv("VM_RUN"), "run only tests that match this regular expression")
	limit, err := limit(os.Getenv("VM_TIMEOUT"))
	if err != nil {
		return o, err
	}
	flags.DurationVar(&o.timeout, "timeout", limit, "how long all of it may take; for one package a third of that")
	flags.BoolVar(&o.console, "console", false, "show what the kernel prints")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 2 || o.cgroups != 1 && o.cgroups != 2 {
		return o, errors.New("usage: kerneltest [FLAG...] [IMAGE [TARGET]]")
	}
	o.image, o.target = flags.Arg(0), flags.Arg(1)
	return o, nil
}

// limit is what the caller says, such as 90m, or else what is enough where nothing else
// is going on.
func limit(said string) (time.Duration, error) {
	if said == "" {
		return 2 * time.Hour, nil
	}
	limit, err := time.ParseDuration(said)
	if err == nil && limit <= 0 {
		err = errors.New("it must be positive")
	}
	if err != nil {
		return 0, fmt.Errorf("read VM_TIMEOUT, which is a time such as 90m: %w", err)
	}
	return limit, nil
}

// scratch holds what is made: the kernel that was downloaded stays.
const scratch = "bin/vm"

func (o options) test(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done within %v", o.timeout))
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if o.target == "" && o.namesTests(root) {
		o.image, o.target = "", o.image
	}
	// Before anything takes long: what was asked for may not be there.
	patterns, err := vm.Patterns(root, o.target)
	if err != nil {
		return err
	}
	kernel, err := o.kernel(ctx, root)
	if err != nil {
		return err
	}
	contents, err := o.compile(ctx, root, kernel, patterns)
	if err != nil {
		return err
	}
	archive := filepath.Join(root, scratch, "root.cpio")
	size, err := pack(contents, archive)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(archive) }()
	fmt.Printf("boot %s, with %d MB of files\n", kernel.Image, size>>20)
	machine := vm.Machine{Kernel: kernel.Image, Initramfs: archive, Memory: 1536 + 2*int(size>>20), CPUs: o.cpus}
	if o.console {
		machine.Console = os.Stdout
	}
	return run(ctx, machine)
}

// namesTests tells whether what stands in the place of an image is a target.
func (o options) namesTests(root string) bool {
	_, err := os.Stat(o.image)
	_, wrong := vm.Patterns(root, o.image)
	return errors.Is(err, fs.ErrNotExist) && wrong == nil
}

func (o options) kernel(ctx context.Context, root string) (vm.Kernel, error) {
	if o.image == "" {
		return vm.Packaged(ctx, filepath.Join(root, scratch, "kernel"), os.Stdout)
	}
	return vm.FindKernel(o.image, o.modules)
}

func (o options) compile(ctx context.Context, root string, kernel vm.Kernel, patterns []string) (vm.Contents, error) {
	folder := filepath.Join(root, scratch)
	contents := vm.Contents{
		Guest: filepath.Join(folder, "guest"), Programs: filepath.Join(folder, "programs"),
		Modules: kernel.Modules, Cgroups: o.cgroups, Source: root,
		Arguments:   append([]string{"-test.timeout=" + (o.timeout / 3).String()}, vm.Arguments...),
		Environment: []string{"TESTBED_PATIENCE=5", "TESTBED_MUST=" + os.Getenv("TESTBED_MUST"), "TINYDOCKER_STORAGE_DRIVER=" + os.Getenv("TINYDOCKER_STORAGE_DRIVER")},
	}
	if o.run != "" {
		contents.Arguments = append(contents.Arguments, "-test.run="+o.run)
	}
	if err := vm.Programs(ctx, root, contents.Programs); err != nil {
		return contents, err
	}
	if err := vm.Guest(ctx, root, contents.Guest); err != nil {
		return contents, err
	}
	var err error
	contents.Suites, err = vm.Compile(ctx, root, folder, patterns)
	return contents, err
}

func pack(contents vm.Contents, archive string) (size int64, err error) {
	file, err := os.Create(archive)
	if err != nil {
		return 0, err
	}
	if err := contents.Pack(file); err != nil {
		return 0, errors.Join(err, file.Close())
	}
	size, err = file.Seek(0, io.SeekEnd)
	return size, errors.Join(err, file.Close())
}

func run(ctx context.Context, machine vm.Machine) error {
	verdict := vm.NewVerdict(os.Stdout)
	start := time.Now()
	err := machine.Run(ctx, func(report wire.Report) error {
		if report.Kind == wire.Booted {
			fmt.Printf("Linux %s has booted after %.1f s\n", report.Text, time.Since(start).Seconds())
		}
		return verdict.Take(report)
	})
	err = errors.Join(err, verdict.Close())
	if failed := verdict.Failed(); err == nil && len(failed) > 0 {
		return errors.New("failed under this kernel: " + strings.Join(failed, " "))
	}
	return err
}
