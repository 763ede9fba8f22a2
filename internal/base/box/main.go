// Command box is every program of the built-in image in one static binary: a
// shell, the everyday tools, and the probes of the tests. It does what the name
// it is called by says, as busybox does; `box NAME [ARG...]` works too, and
// `box --list` names all there is.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
)

// An applet is one program of the box. It gets its arguments with its name
// first, uses the process's own standard files, and returns an error for main
// to print after its name. An exitStatus ends the process silently with that
// status.
type applet func(args []string) error

// exitStatus is the exit status of an applet that has nothing to print.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// failure is an error with an exit status other than 1.
type failure struct {
	status int
	err    error
}

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// out is standard output for applets that print line by line. What is left in it
// at the end is written then.
var out = bufio.NewWriter(os.Stdout)

// families are the applets, grouped as the files they are in.
func families() []map[string]applet {
	return []map[string]applet{
		shellApplets, fileApplets, statusApplets, textApplets, valueApplets,
		processApplets, systemApplets, archiveApplets, networkApplets, probeApplets,
	}
}

// A signal that is to come when the parent dies (prctl(2), PR_SET_PDEATHSIG) belongs
// to the thread that was there first, and is lost if another one calls execve(2).
func init() { runtime.LockOSThread() }

func main() {
	args := slices.Clone(os.Args)
	args[0] = filepath.Base(args[0])
	if args[0] == "box" {
		args = args[1:]
	}
	behaveAsInit()
	if len(args) == 0 || args[0] == "--list" {
		for _, name := range names() {
			fmt.Println(name)
		}
		return
	}
	os.Exit(run(args))
}

// behaveAsInit makes up for a difference between Go and C. The kernel drops a
// signal that PID 1 has no handler for (pid_namespaces(7)), but the Go runtime
// has handlers for all, and would end us. Caught here, they are dropped as well,
// and programs that we start have the defaults.
func behaveAsInit() {
	if os.Getpid() == 1 {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
			syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
	}
}

// run runs one applet and returns the exit status of the process.
func run(args []string) int {
	do, ok := lookup(args[0])
	if !ok {
		fmt.Fprintf(os.Stderr, "box: %s: no such applet\n", args[0])
		return 127
	}
	err := do(args)
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if status := exitStatus(0); err == nil || errors.As(err, &status) {
		return int(status)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", args[0], err)
	if f := (failure{}); errors.As(err, &f) {
		return f.status
	}
	return 1
}

func lookup(name string) (applet, bool) {
	for _, family := range families() {
		if do, ok := family[name]; ok {
			return do, true
		}
	}
	return nil, false
}

// names returns the names of all applets, sorted.
func names() []string {
	var all []string
	for _, family := range families() {
		all = slices.AppendSeq(all, maps.Keys(family))
	}
	slices.Sort(all)
	return all
}
