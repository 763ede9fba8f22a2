package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// contender is a program that does what a row is about.
type contender struct {
	name string
	// once does it once and returns how much that has taken, in the row's unit.
	once func() (float64, error)
	// taken are the samples of one that cannot be measured in turn with the others. It
	// has no once.
	taken []float64
}

// timed is a contender whose figure is the time that its command takes, in
// milliseconds.
func timed(name string, command func() *exec.Cmd) contender {
	return contender{name: name, once: func() (float64, error) { return milliseconds(command()) }}
}

// undone is a timed contender whose command is undone after each sample, outside the time.
func undone(name string, command, undo func() *exec.Cmd) contender {
	return contender{name: name, once: func() (float64, error) {
		taken, err := milliseconds(command())
		if err != nil {
			return 0, err
		}
		return taken, do(undo())
	}}
}

// sampled is a contender whose samples have been taken.
func sampled(name string, taken []float64) contender {
	return contender{name: name, taken: taken}
}

func milliseconds(command *exec.Cmd) (float64, error) {
	var said bytes.Buffer
	if command.Stderr == nil {
		command.Stderr = &said
	}
	begin := time.Now()
	err := command.Run()
	taken := float64(time.Since(begin).Microseconds()) / 1000
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(said.String()))
	}
	return taken, nil
}

// do runs a command that is not measured.
func do(command *exec.Cmd) error {
	_, err := milliseconds(command)
	return err
}

// printed runs a command that is not measured, and returns what it prints.
func printed(command *exec.Cmd) (string, error) {
	var out bytes.Buffer
	command.Stdout = &out
	err := do(command)
	return strings.TrimSpace(out.String()), err
}

// interleave takes samples of all contenders in turn, after a first one of each that
// does not count: caches are filled then.
func interleave(contenders []contender, samples int) (map[string][]float64, error) {
	taken := make(map[string][]float64)
	for _, one := range contenders {
		taken[one.name] = one.taken
	}
	contenders = slices.DeleteFunc(slices.Clone(contenders), func(one contender) bool { return one.once == nil })
	if len(contenders) == 0 {
		return taken, nil
	}
	for round := range samples + 1 {
		for _, one := range contenders {
			figure, err := one.once()
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", one.name, err)
			}
			if round > 0 {
				taken[one.name] = append(taken[one.name], figure)
			}
		}
		fmt.Fprint(os.Stderr, ".")
	}
	return taken, nil
}

// quartiles returns the median of figures and the quarters below and above it.
func quartiles(figures []float64) (low, median, high float64) {
	sorted := slices.Sorted(slices.Values(figures))
	at := func(part float64) float64 {
		place := part * float64(len(sorted)-1)
		index := int(place)
		next := min(index+1, len(sorted)-1)
		return sorted[index] + (place-float64(index))*(sorted[next]-sorted[index])
	}
	return at(0.25), at(0.5), at(0.75)
}

// ratios are those of the samples that were taken one after the other.
func ratios(ours, theirs []float64) []float64 {
	var all []float64
	for index := range min(len(ours), len(theirs)) {
		all = append(all, ours[index]/theirs[index])
	}
	return all
}

// elapsed returns how long something takes, in milliseconds.
func elapsed(do func() error) (float64, error) {
	begin := time.Now()
	err := do()
	return float64(time.Since(begin).Microseconds()) / 1000, err
}
