package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/internal/base/probe"
)

// Probes are for tests: each does one thing that a container may be kept from.
var probeApplets = map[string]applet{"probe": look, "eat": eat, "burn": burn, "forkbomb": forkbomb}

// look prints what a process sees and can do, as JSON.
func look([]string) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "\t")
	return encoder.Encode(probe.Take())
}

// eat takes memory, touches every page of it, says so, and keeps it until
// standard input ends.
func eat(args []string) error {
	if len(args) != 2 {
		return failure{2, errors.New("give a number of bytes")}
	}
	size, err := bytesOf(args[1])
	if err != nil {
		return failure{2, err}
	}
	memory, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	for page := 0; page < len(memory); page += os.Getpagesize() {
		memory[page] = 1
	}
	fmt.Println("ate", size)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// burn uses one cpu for so many seconds, 1 by default, and prints how many
// seconds of cpu time it has got meanwhile.
func burn(args []string) error {
	seconds := 1.0
	if len(args) > 1 {
		var err error
		if seconds, err = strconv.ParseFloat(args[1], 64); err != nil {
			return failure{2, fmt.Errorf("%q is not a time", args[1])}
		}
	}
	before, err := cpuTime() // what our own start has taken is much on a slow machine
	if err != nil {
		return err
	}
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end); {
	}
	after, err := cpuTime()
	if err != nil {
		return err
	}
	fmt.Printf("%.3f\n", (after - before).Seconds())
	return nil
}

// cpuTime returns what this process has used.
func cpuTime() (time.Duration, error) {
	var usage unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}

// forkbomb starts processes until it may not, or until there are 1000 or as many
// as it is told, says how many that were, and ends them all.
func forkbomb(args []string) error {
	most := 1000
	if len(args) > 1 {
		var err error
		if most, err = strconv.Atoi(args[1]); err != nil {
			return failure{2, fmt.Errorf("%q is not a number", args[1])}
		}
	}
	var children []*exec.Cmd
	var refused error
	for refused == nil && len(children) < most {
		child := exec.Command("/proc/self/exe", "sleep", "infinity")
		child.Args[0] = "box"
		child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if refused = child.Start(); refused == nil {
			children = append(children, child)
		}
	}
	fmt.Printf("forked %d: %v\n", len(children), rootCause(refused))
	for _, child := range children {
		if err := child.Process.Kill(); err != nil {
			return err
		}
	}
	for _, child := range children {
		_ = child.Wait() // it reports the kill
	}
	return nil
}
