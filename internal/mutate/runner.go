package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/testbed/chapters"
)

// deadline bounds the tests of one mutant: some mistakes have a program wait for ever.
var deadline = time.Minute

// tryAll tries the mutants of the chapter in folder, one after the other, and tells
// each verdict at once. A mutant that does not compile is a mistake of the table.
//
// Without a mutant, the tests have to pass: one that fails anyway sees nothing.
func tryAll(folder string, mutants []Mutant, tell func(Verdict)) (verdicts []Verdict, err error) {
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := shareWithBuilder(work); err != nil {
		return nil, err
	}
	healthy := attempt{mutant: Mutant{Name: "none", Run: anyOf(mutants)}, source: folder, folder: filepath.Join(work, "healthy")}
	if err := healthy.build(); err != nil {
		return nil, err
	}
	if verdict, err := healthy.test(10 * deadline); err != nil || verdict.Killer != "" {
		return nil, errors.Join(fmt.Errorf("without a mutant: %s", verdict), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mistakes []error
	for attempt := range buildAhead(ctx, folder, work, mutants) {
		verdict, err := Verdict{}, attempt.err
		if err == nil {
			verdict, err = attempt.test(deadline)
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

// buildAhead builds one mutant while another is being tested.
func buildAhead(ctx context.Context, source, work string, mutants []Mutant) <-chan attempt {
	built := make(chan attempt)
	go func() {
		defer close(built)
		for number, mutant := range mutants {
			one := attempt{mutant: mutant, source: source, folder: filepath.Join(work, fmt.Sprint(number))}
			one.err = one.build()
			select {
			case built <- one:
			case <-ctx.Done():
				return
			}
		}
	}()
	return built
}

// attempt is a chapter with a mistake, built in a folder of its own.
type attempt struct {
	mutant         Mutant
	source, folder string
	err            error // of build
}

func (a attempt) program() string { return filepath.Join(a.folder, "bin", filepath.Base(a.source)) }
func (a attempt) tests() string   { return filepath.Join(a.folder, "tests") }

// build builds the program and its tests.
func (a attempt) build() error {
	if err := os.Mkdir(a.folder, 0o755); err != nil {
		return err
	}
	if err := shareWithBuilder(a.folder); err != nil {
		return err
	}
	files, err := a.mutant.mutated(a.source)
	if err != nil {
		return err
	}
	overlay, err := writeOverlay(a.folder, a.source, files)
	if err != nil {
		return err
	}
	for _, arguments := range [][]string{
		{"build", "-buildvcs=false", overlay, "-o", a.program()},
		{"test", "-c", "-vet=off", overlay, "-o", a.tests()},
	} {
		command := testbed.Go(arguments...)
		command.Dir = a.source
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("mutant %q does not compile: %w\n%s", a.mutant.Name, err, output)
		}
	}
	return nil
}

// test runs the tests up to the first that fails, and removes what was built. They end
// by themselves at the limit: then the supervisor ends what they have started.
func (a attempt) test(limit time.Duration) (verdict Verdict, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(a.folder)) }()
	ctx, cancel := context.WithTimeout(context.Background(), limit+limit/2)
	defer cancel()
	command := exec.CommandContext(ctx, a.tests(), "-test.v", "-test.failfast", "-test.timeout="+limit.String(), "-test.run="+a.mutant.Run)
	command.Dir = a.source
	command.Env = append(os.Environ(), "TESTBED_BINARIES="+filepath.Dir(a.program()), "TESTBED_MUST=")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second // somebody may hold the output open
	output, err := command.CombinedOutput()
	chapters.RemoveLeftCgroups(string(output))
	return judge(a.mutant, string(output), err, ctx.Err() != nil)
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// judge says what the tests of a mutant have found. They are late if they had to be ended.
func judge(mutant Mutant, output string, err error, late bool) (Verdict, error) {
	verdict := Verdict{Mutant: mutant}
	failure := failed.FindStringSubmatch(output)
	switch exit := (*exec.ExitError)(nil); {
	case failure != nil:
		verdict.Killer = failure[1]
	case late || strings.Contains(output, "panic: test timed out"):
		verdict.Killer = "the deadline"
	case errors.As(err, &exit) && strings.Contains(output, "testbed: left behind:"):
		verdict.Killer = "the look for what is left behind"
	case errors.As(err, &exit):
		verdict.Killer = "its own end: " + exit.Error()
	case err != nil:
		return verdict, fmt.Errorf("test the mutant %q: %w", mutant.Name, err)
	case !strings.Contains(output, "\n--- PASS:") && strings.Contains(output, "\n--- SKIP:"):
		verdict.Skipped = true
	case strings.Contains(output, "no tests to run"):
		return verdict, fmt.Errorf("mutant %q: no test is called %s", mutant.Name, mutant.Run)
	}
	return verdict, nil
}

// anyOf matches each test that one of the mutants names.
func anyOf(mutants []Mutant) string {
	var patterns []string
	for _, mutant := range mutants {
		if !slices.Contains(patterns, mutant.Run) {
			patterns = append(patterns, mutant.Run)
		}
	}
	return strings.Join(patterns, "|")
}

// shareWithBuilder gives a folder to the owner of this program, as whom Go runs.
func shareWithBuilder(folder string) error {
	info, err := os.Stat("/proc/self/exe")
	if err != nil {
		return err
	}
	status := info.Sys().(*syscall.Stat_t)
	return errors.Join(os.Chmod(folder, 0o755), os.Chown(folder, int(status.Uid), int(status.Gid)))
}
