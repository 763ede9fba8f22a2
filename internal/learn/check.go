package learn

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

// verdict is what the tests say of one step.
type verdict int

const (
	passed  verdict = iota
	skipped         // this machine cannot tell
	waiting         // the tests get as far as a later step, which is not written yet
	failed
)

// Check builds the learner's program, asks the tests of the steps in their order, and
// shows the first step that is not done. When all are, it asks all tests of the chapter.
// Red tests are no error: an error is what keeps Check from telling.
func (w Workshop) Check() error {
	folder, steps, remembered, err := w.current()
	if err != nil {
		return err
	}
	w.say("Building %s/%s, and asking its tests ...\n", work, folder)
	tests, complaint, err := w.build(folder)
	if err != nil {
		return err
	}
	if complaint != "" {
		w.say("It does not compile yet:\n\n%s", indent(w.explain(folder, complaint)))
		if remembered.Step <= len(steps) {
			w.say("\nYou are at step %d: %s", remembered.Step, steps[remembered.Step-1].Title)
		}
		return nil
	}
	state := record{Step: len(steps) + 1}
	var output string
	for _, step := range steps {
		result, test, text, err := w.ask(tests.ask, step)
		if err != nil {
			return err
		}
		if result == failed {
			state.Step, output = step.Number, fmt.Sprintf("%s fails:\n\n%s", nameOf(test, text), indent(trim(text, step.Number)))
			break
		}
		if result == passed {
			state.Passed = append(state.Passed, step.Number)
		} else {
			w.say("Step %d, %s: %s", step.Number, step.Title, text)
		}
	}
	if err := w.update(func(p *progress) { p.of(folder).Step, p.of(folder).Passed = state.Step, state.Passed }); err != nil {
		return err
	}
	w.celebrate(steps, remembered.Passed, state.Passed)
	w.say("%s\nYours: bin/learn/%s\n", bar(folder, len(steps), state.Passed), folder)
	if state.Step <= len(steps) {
		return w.show(folder, steps[state.Step-1], remembered.Hints[state.Step], output)
	}
	return w.finish(folder, len(steps), tests)
}

// celebrate tells which steps are done that were not before, and what can be seen of the
// last of them.
func (w Workshop) celebrate(steps []chapters.Step, before, now []int) {
	see := ""
	for _, step := range steps {
		if slices.Contains(now, step.Number) && !slices.Contains(before, step.Number) {
			w.say("Step %d, %s, is done. learn:diff -step=%d compares it.", step.Number, step.Title, step.Number)
			see = step.See
		}
	}
	if see != "" {
		w.say("%s\n", plain("See, as root, in bin/learn: "+see))
	}
}

// suite has the tests of a chapter.
type suite struct {
	ask func(pattern string) (string, error) // some of them
	all func() (string, error)               // each of them, and tells how far it is
}

// build makes the learner's program and its tests, and what they need. The complaint is
// the compiler's.
func (w Workshop) build(folder string) (tests suite, complaint string, err error) {
	binaries, err := filepath.Abs(filepath.Join(w.Root, "bin", "learn"))
	if err != nil {
		return suite{}, "", err
	}
	pkg, program := "./"+work+"/"+folder, filepath.Join(binaries, folder)
	for _, words := range [][]string{
		{"build", "-buildvcs=false", "-o", filepath.Join(binaries, "box"), "./internal/base/box"},
		{"build", "-buildvcs=false", "-o", program, pkg},
		{"test", "-c", "-o", program + ".test", pkg},
	} {
		command := w.goTool(words...)
		command.Dir = w.Root
		output, err := command.CombinedOutput()
		if _, refused := errors.AsType[*exec.ExitError](err); refused {
			return suite{}, string(output), nil
		}
		if err != nil {
			return suite{}, "", err
		}
	}
	run := func(pattern string, tell func(count int)) (string, error) {
		words := slices.Concat(w.AsRoot, []string{
			"env", "TESTBED_BINARIES=" + binaries, program + ".test", "-test.v", "-test.timeout=10m", "-test.run=" + pattern,
		})
		output := &counter{tell: tell}
		command := exec.Command(words[0], words[1:]...)
		command.Dir, command.Stdout, command.Stderr = w.folder(folder), output, output
		err := command.Run()
		if _, red := errors.AsType[*exec.ExitError](err); err != nil && !red {
			return "", fmt.Errorf("run the tests: %w", err)
		}
		if err != nil {
			return output.String() + "\n" + redMark, nil
		}
		return output.String(), nil
	}
	return suite{
		ask: func(pattern string) (string, error) { return run(pattern, func(int) {}) },
		all: func() (string, error) {
			return run(".", func(count int) {
				if count%20 == 0 {
					w.say("  %d", count)
				}
			})
		},
	}, "", nil
}

// leftBehind is how the harness begins to say what a suite has left.
const leftBehind = "testbed: left behind: "

// redMark is the last line of what tests have printed that have failed.
const redMark = "FAIL: exit status"

// ask runs the tests of a step, one after the other. It returns the test that failed and
// what it printed, or, where the tests cannot tell, why.
func (w Workshop) ask(tests func(string) (string, error), step chapters.Step) (verdict, string, string, error) {
	worst, reason := passed, ""
	for _, test := range step.Tests {
		pattern := "^" + regexp.QuoteMeta(test) + "$"
		output, err := tests(pattern)
		// Somebody who tries the program meanwhile leaves what the suite takes for its
		// own. What the test itself leaves, it leaves again.
		if err == nil && strings.Contains(output, "--- PASS: "+test+" ") && strings.Contains(output, leftBehind) {
			output, err = tests(pattern)
		}
		if err != nil {
			return failed, "", "", err
		}
		switch result, why := judge(output, test, step.Number); {
		case result == failed:
			return failed, test, output, nil
		case result > worst:
			worst, reason = result, why
		}
	}
	return worst, "", reason, nil
}

// judge says what the output of one test means for a step.
func judge(output, test string, step int) (verdict, string) {
	red := strings.Contains(output, redMark)
	if !red && strings.Contains(output, "--- PASS: "+test+" ") {
		return passed, ""
	}
	if !red && strings.Contains(output, "--- SKIP: "+test+" ") {
		return skipped, fmt.Sprintf("%s cannot tell on this machine: %s", test, strings.Join(strings.Fields(message(output)), " "))
	}
	// An assertion that has been made has found something, whatever came to a later
	// step afterwards, or beside it.
	if later := mine.FindStringSubmatch(output); later != nil && notWritten(output, step) == "" && !asserted(output) {
		return waiting, fmt.Sprintf("%s gets as far as %s, which step %s asks for.", test, later[2], later[1])
	}
	return failed, ""
}

// show shows a step that is not done.
func (w Workshop) show(folder string, step chapters.Step, known int, output string) error {
	places, err := w.whereToRead(folder, step)
	if err != nil {
		return err
	}
	w.say("Step %d: %s", step.Number, step.Title)
	w.say("%s\n", indent(plain(step.Text)))
	w.say("%s\n", output)
	for _, place := range places {
		w.say("Read  %s", place)
	}
	for _, exercise := range step.Exercises {
		w.say("Edit  %s", w.position(folder, exercise))
	}
	if step.Number > 1 {
		w.say("      (or what belongs to an earlier step: the tests of a step do not see everything)")
	}
	if more := len(step.Hints) - known; more > 0 {
		w.say("Stuck? go tool mage learn:hint (%d of %d still folded)", more, len(step.Hints))
	} else {
		w.say("Stuck? go tool mage learn:diff -step=%d shows yours beside the reference", step.Number)
	}
	return nil
}

// finish asks all tests of a chapter whose steps are done, and says what is next.
func (w Workshop) finish(folder string, steps int, tests suite) error {
	w.say("Every step is done. Now all tests of the chapter, once. That may take minutes ...")
	output, err := tests.all()
	if err != nil {
		return err
	}
	var red []string
	if strings.Contains(output, redMark) {
		red = failing(output)
	}
	if err := w.update(func(p *progress) { p.of(folder).Failing = red }); err != nil {
		return err
	}
	if strings.Contains(output, redMark) {
		text, err := failures(output, steps, tests.ask)
		if err != nil {
			return err
		}
		w.say("\nThe reference passes them all, and yours does not:\n\n%s", text)
		w.say("\nThe tests of the steps do not see everything. learn:diff shows all of yours beside the reference,\nand learn:diff -step=1 those of one step.")
		return nil
	}
	w.say("All of them pass.\n")
	w.say("  go tool mage learn:diff    shows all of yours beside the reference")
	if numberOf(folder) < len(chapters.All) {
		w.say("  go tool mage learn:next    goes on to chapter %d, %s", numberOf(folder)+1, chapters.All[numberOf(folder)].Title)
		return nil
	}
	w.say("This was the last chapter. final/ is where it leads to: go tool mage run.")
	return nil
}
