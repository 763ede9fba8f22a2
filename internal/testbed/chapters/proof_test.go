package chapters

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// The proofs build a chapter many times, which takes minutes. `go tool mage
// check:chapters` asks for them.
var proofs = flag.Bool("proofs", false, "prove that the steps of the chapters turn the tests green in their order")

func requireProofs(t *testing.T) {
	t.Helper()
	if !*proofs {
		t.Skip("takes minutes: go tool mage check:chapters")
	}
	testbed.Require(t, testbed.Root, testbed.BaseImage)
}

func TestPartial(t *testing.T) {
	const folder = "stage01-namespaces"
	starter, err := Starter(root, folder)
	require.NoError(t, err)
	exercises, err := Exercises(root, folder)
	require.NoError(t, err)

	none, err := Partial(root, folder, nil)
	require.NoError(t, err)
	require.Equal(t, starter, none)
	all, err := Partial(root, folder, exercises)
	require.NoError(t, err)
	require.Empty(t, all)
	sent, err := Partial(root, folder, []Exercise{{File: "pipe.go", Function: "sendMessage"}})
	require.NoError(t, err)
	require.NotContains(t, string(sent["pipe.go"]), "sendMessage is yours")
	require.Contains(t, string(sent["pipe.go"]), "receiveMessage is yours")
	require.Equal(t, starter["run.go"], sent["run.go"])
}

func TestTraced(t *testing.T) {
	files := Traced(map[string][]byte{"a.go": []byte("{\n\tpanic(\"chapter 3, step 1: x is yours to write\")\n}")}, "/trace")

	require.Equal(t, "{\n\tpanic(reached(\"chapter 3, step 1: x is yours to write\"))\n}", string(files["a.go"]))
	require.Contains(t, string(files["zz_trace.go"]), `"/trace"`)
}

func TestInheritedTests(t *testing.T) {
	none, err := InheritedTests(root, All[0].Folder)
	require.NoError(t, err)
	require.Empty(t, none)
	tests, err := InheritedTests(root, "stage02-cgroups")
	require.NoError(t, err)
	require.Contains(t, tests, "TestProgramIsPID1")
	require.NotContains(t, tests, "TestMemoryHogIsKilled")
}

// After a step its tests pass, and just before it they fail: so they are what tells
// that it is done, and need nothing of a later one. A mistake in a step is seen there.
// What a chapter inherits goes on to work on its starter. All that is wrong is told at
// once.
func TestProofs(t *testing.T) {
	requireProofs(t)
	for index, chapter := range All {
		t.Run(chapter.Folder, func(t *testing.T) {
			steps, err := Steps(root, chapter.Folder)
			require.NoError(t, err)
			require.NotEmpty(t, steps)
			var variants []variant
			var solved []Exercise
			variants = append(variants, variant{chapter: chapter})
			for _, step := range steps {
				solved = slices.Concat(solved, step.Exercises)
				variants = append(variants, variant{chapter: chapter, solved: solved})
				for _, mistake := range mistakes[index][step.Number] {
					variants = append(variants, variant{chapter: chapter, solved: solved, mistake: mistake})
				}
			}
			next := buildAhead(t, variants)
			starter := next()
			wrong := proveInherited(t, chapter, starter)
			wrong = append(wrong, proveSteps(t, index+1, steps, starter, next)...)
			require.Empty(t, wrong, strings.Join(wrong, "\n"))
		})
	}
}

func proveSteps(t *testing.T, chapter int, steps []Step, before built, next func() built) (wrong []string) {
	t.Helper()
	seen := make(map[string]int) // the first step that names a test
	for _, step := range steps {
		after := next()
		for _, test := range step.Tests {
			if first, ok := seen[test]; ok {
				wrong = append(wrong, fmt.Sprintf("step %d: %s tells already that step %d is done", step.Number, test, first))
				continue
			}
			seen[test] = step.Number
			wrong = append(wrong, proveTest(before.run(t, test), after.run(t, test), chapter, step.Number, test)...)
		}
		before = after
		for _, mistake := range mistakes[chapter-1][step.Number] {
			wrong = append(wrong, proveMistake(t, next(), step, mistake)...)
		}
	}
	return wrong
}

// proveMistake says what is wrong if no test of a step sees a mistake in it.
func proveMistake(t *testing.T, mistaken built, step Step, mistake mistake) (wrong []string) {
	t.Helper()
	for _, test := range step.Tests {
		result := mistaken.run(t, test)
		if result.Code != 0 || strings.Contains(result.Stdout, "--- SKIP: "+test) {
			return nil
		}
	}
	return []string{fmt.Sprintf("step %d: its tests pass with %q in place of %q", step.Number, mistake.wrong, mistake.right)}
}

var missing = regexp.MustCompile(`panic: chapter \d+, step \d+: (\w+) is yours to write`)

// proveTest says what is wrong with one test of a step.
func proveTest(before, after testbed.Result, chapter, step int, test string) (wrong []string) {
	output := before.Stdout + before.Stderr
	if strings.Contains(output, "--- SKIP: "+test) {
		return nil // the chapter's own suite says what is missing
	}
	clear := regexp.MustCompile(fmt.Sprintf(`panic: chapter %d, step \d+: |--- FAIL: %s`, chapter, test))
	switch {
	case before.Code == 0:
		wrong = append(wrong, fmt.Sprintf("step %d: %s passes before it, or is not there", step, test))
	case !clear.MatchString(output):
		wrong = append(wrong, fmt.Sprintf("step %d: %s fails before it, and does not say how:\n%s", step, test, output))
	}
	if after.Code == 0 {
		return wrong
	}
	output = after.Stdout + after.Stderr
	if needs := missing.FindStringSubmatch(output); needs != nil {
		return append(wrong, fmt.Sprintf("step %d: %s needs %s, which comes later", step, test, needs[1]))
	}
	return append(wrong, fmt.Sprintf("step %d: %s fails after it:\n%s", step, test, output))
}

// proveInherited says which of the inherited tests fail on a starter and do not come to
// an exercise of it. They run together, as a chapter's tests do, and then those that do
// not pass alone: one that panics ends the others, and one that fails may leave something.
func proveInherited(t *testing.T, chapter Chapter, starter built) (wrong []string) {
	t.Helper()
	tests, err := InheritedTests(root, chapter.Folder)
	require.NoError(t, err)
	if len(tests) == 0 {
		return nil
	}
	var reach []string
	passed := passedIn(starter.run(t, tests...).Stdout)
	alone := slices.DeleteFunc(slices.Clone(tests), func(test string) bool { return slices.Contains(passed, test) })
	for _, test := range alone {
		require.NoError(t, os.WriteFile(starter.trace, nil, 0o666))
		result := starter.run(t, test)
		reached, err := os.ReadFile(starter.trace)
		require.NoError(t, err)
		switch {
		case result.Code == 0:
			passed = append(passed, test)
		case len(reached) > 0:
			reach = append(reach, test)
		default:
			wrong = append(wrong, test+" fails on the starter, and needs no exercise of it:\n"+result.Stdout+result.Stderr)
		}
	}
	t.Logf("%d inherited tests pass; these need an exercise: %s", len(passed), strings.Join(reach, " "))
	require.NotEmpty(t, passed)
	return wrong
}

var passedTest = regexp.MustCompile(`(?m)^--- (?:PASS|SKIP): (\w+) `)

func passedIn(output string) []string {
	var names []string
	for _, match := range passedTest.FindAllStringSubmatch(output, -1) {
		names = append(names, match[1])
	}
	return names
}

// The number of a maker that has ended may belong to somebody else for a while.
func TestLeftCgroupIsRemovedWhenItsNumberIsFree(t *testing.T) {
	other := exec.Command("sleep", "0.3")
	require.NoError(t, other.Start())
	folder := filepath.Join(t.TempDir(), fmt.Sprintf("%d-ABCD", other.Process.Pid))
	require.NoError(t, os.Mkdir(folder, 0o700))
	ended := make(chan error, 1)
	go func() { ended <- other.Wait() }()

	RemoveLeftCgroups(fmt.Sprintf("testbed: left behind: cgroup: %s (see: cat x)", folder))

	require.NoError(t, <-ended)
	require.NoDirExists(t, folder)
}
