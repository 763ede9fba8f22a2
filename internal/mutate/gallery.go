package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"mytinydocker/internal/testbed"
)

// tryGuards takes out the guards, one after the other, of the tinydocker whose source is
// below root, and tells at once whether the exhibit has failed that tries what the guard
// keeps shut; shown gets what it prints. With all guards, the exhibits have to pass. It
// ends at once if a broken program has reached the host.
func tryGuards(root string, guards []Guard, shown io.Writer, tell func(Verdict)) (verdicts []Verdict, err error) {
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := errors.Join(hostIsWell(), shareWithBuilder(work)); err != nil {
		return nil, err
	}
	g := gallery{root: root, work: work, shown: shown}
	if err := g.buildTools(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	trials := g.buildAhead(ctx, append([]Guard{{Name: "none", Exhibit: everyExhibit(guards)}}, guards...))
	if err := g.passes(<-trials); err != nil {
		return nil, err
	}
	var mistakes []error
	for one := range trials {
		verdict, err := g.test(one, 3*deadline)
		if reached := hostIsWell(); reached != nil {
			return verdicts, errors.Join(fmt.Errorf("without its guard %q, the program has reached the host: %w", one.guard.Name, reached), err)
		}
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		tell(verdict)
		verdicts = append(verdicts, verdict)
	}
	return verdicts, errors.Join(mistakes...)
}

// gallery tries programs of one source, in folders below work:
//
//	tools   the tests of the museum, and what they need besides tinydocker
//	0, 1..  what is tried
type gallery struct {
	root, work string
	shown      io.Writer // gets what the exhibits print
}

// trial is a tinydocker without a guard.
type trial struct {
	guard Guard
	name  string // of its folder
	err   error  // of build
}

// everyExhibit matches the exhibits of all guards, and no other.
func everyExhibit(guards []Guard) string {
	var names []string
	for _, guard := range guards {
		names = append(names, guard.Exhibit)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "|")
}

func (g gallery) build(arguments ...string) error {
	command := testbed.Go(arguments...)
	command.Dir = g.root
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	return nil
}

// goBuild are the words for a program as testbed builds it, without what only a debugger reads.
func goBuild(more ...string) []string {
	return append([]string{"build", "-buildvcs=false", "-tags=netgo,osusergo", "-ldflags=-w"}, more...)
}

func (g gallery) buildTools() error {
	tools := filepath.Join(g.work, "tools")
	if err := errors.Join(os.Mkdir(tools, 0o755), shareWithBuilder(tools)); err != nil {
		return err
	}
	for _, arguments := range [][]string{
		{"test", "-c", "-vet=off", "-o", filepath.Join(tools, "tests"), "./final/museum"},
		goBuild("-o", filepath.Join(tools, "probe"), "./final/museum/probe"),
		goBuild("-o", filepath.Join(tools, "box"), "./internal/base/box"),
	} {
		if err := g.build(arguments...); err != nil {
			return fmt.Errorf("build the museum: %w", err)
		}
	}
	return nil
}

// buildAhead builds the programs while others are being tested.
func (g gallery) buildAhead(ctx context.Context, guards []Guard) <-chan trial {
	built := make(chan trial, 8) // the first test is that of all exhibits, and takes long
	go func() {
		defer close(built)
		for number, guard := range guards {
			one := trial{guard: guard, name: fmt.Sprint(number)}
			if err := g.buildTrial(one); err != nil {
				one.err = fmt.Errorf("guard %q: %w", guard.Name, err)
			}
			select {
			case built <- one:
			case <-ctx.Done():
				return
			}
		}
	}()
	return built
}

func (g gallery) buildTrial(one trial) error {
	folder := filepath.Join(g.work, one.name)
	if err := errors.Join(os.Mkdir(folder, 0o755), shareWithBuilder(folder)); err != nil {
		return err
	}
	files, err := edited(g.root, one.guard.Edits)
	if err != nil {
		return err
	}
	overlay, err := writeOverlay(folder, g.root, files)
	if err != nil {
		return err
	}
	for _, tool := range []string{"probe", "box"} {
		if err := os.Link(filepath.Join(g.work, "tools", tool), filepath.Join(folder, tool)); err != nil {
			return err
		}
	}
	return g.build(goBuild(overlay, "-o", filepath.Join(folder, "final"), "./final")...)
}

// passes has the exhibits pass by the program with all guards.
func (g gallery) passes(whole trial) error {
	verdict, err := g.test(whole, 30*deadline)
	if err == nil && verdict.Killer != "" {
		err = fmt.Errorf("with all guards: %s", verdict)
	}
	return err
}

// test runs the exhibit of a guard, up to the first failure, and removes the program.
func (g gallery) test(one trial, limit time.Duration) (verdict Verdict, err error) {
	if one.err != nil {
		return verdict, one.err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Join(g.work, one.name))) }()
	output, late, err := inCell(g.work, limit+limit/2, []string{"TESTBED_BINARIES=" + filepath.Join(cellWork, one.name), "TESTBED_MUST="},
		filepath.Join(cellWork, "tools/tests"), "-test.v", "-test.failfast", "-test.timeout="+limit.String(), "-test.run=^("+one.guard.Exhibit+")$")
	fmt.Fprint(g.shown, output)
	verdict, err = judge(one.guard.mutant(), output, err, late)
	if verdict.Killer != "" && !failed.MatchString(output) {
		verdict.Killer, verdict.Mutant.Run = "", verdict.Mutant.Run+", which did not say so: "+verdict.Killer
	}
	return verdict, err
}

// inCell runs a program in a cell in which work is cellWork, and ends it when the time
// is over.
func inCell(work string, limit time.Duration, env []string, words ...string) (output string, late bool, err error) {
	runtime.LockOSThread() // Pdeathsig goes off when the thread that forked ends
	defer runtime.UnlockOSThread()
	command := cellCommand(work, env, words)
	var printed strings.Builder
	command.Stdout, command.Stderr = &printed, &printed
	command.WaitDelay = time.Second // somebody may hold the output open
	if err := command.Start(); err != nil {
		return "", false, err
	}
	timer := time.AfterFunc(limit, func() { _ = command.Process.Kill() })
	err = command.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	late = !timer.Stop()
	removeCgroups(printed.String())
	return printed.String(), late, err
}
