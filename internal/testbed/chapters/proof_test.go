package chapters

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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
// that it is done, and need nothing of a later one. All that is wrong is told at once.
func TestStepsTurnTheTestsGreenInTheirOrder(t *testing.T) {
	requireProofs(t)
	for index, chapter := range All {
		t.Run(chapter.Folder, func(t *testing.T) {
			steps, err := Steps(root, chapter.Folder)
			require.NoError(t, err)
			require.NotEmpty(t, steps)
			wrong := proveSteps(t, chapter, index+1, steps)
			require.Empty(t, wrong, strings.Join(wrong, "\n"))
		})
	}
}

func proveSteps(t *testing.T, chapter Chapter, number int, steps []Step) (wrong []string) {
	t.Helper()
	var solved []Exercise
	seen := make(map[string]int) // the first step that names a test
	before := buildPartial(t, chapter, solved)
	for _, step := range steps {
		solved = append(solved, step.Exercises...)
		after := buildPartial(t, chapter, solved)
		for _, test := range step.Tests {
			if first, ok := seen[test]; ok {
				wrong = append(wrong, fmt.Sprintf("step %d: %s tells already that step %d is done", step.Number, test, first))
				continue
			}
			seen[test] = step.Number
			wrong = append(wrong, proveTest(before.run(t, test), after.run(t, test), number, step.Number, test)...)
		}
		before = after
	}
	asked, err := Exercises(root, chapter.Folder)
	require.NoError(t, err)
	for _, exercise := range asked {
		if !slices.Contains(solved, exercise) {
			wrong = append(wrong, fmt.Sprintf("%s in %s is an exercise of no step", exercise.Function, exercise.File))
		}
	}
	return wrong
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

// What a chapter inherits goes on to work on its starter, but for what needs an
// exercise of it.
func TestEarlierTestsPassOnTheStarter(t *testing.T) {
	requireProofs(t)
	for _, chapter := range All[1:] {
		t.Run(chapter.Folder, func(t *testing.T) {
			tests, err := InheritedTests(root, chapter.Folder)
			require.NoError(t, err)
			files, err := Starter(root, chapter.Folder)
			require.NoError(t, err)
			folder := shareable(t)
			trace := filepath.Join(folder, "trace")
			starter := buildWith(t, chapter, folder, Traced(files, trace))

			var passed, reach, wrong []string
			for _, test := range tests {
				require.NoError(t, os.WriteFile(trace, nil, 0o666))
				result := starter.run(t, test)
				reached, err := os.ReadFile(trace)
				require.NoError(t, err)
				switch {
				case result.Code == 0:
					passed = append(passed, test)
				case len(reached) > 0:
					reach = append(reach, test)
				default:
					wrong = append(wrong, test+":\n"+result.Stdout+result.Stderr)
				}
			}

			t.Logf("%d pass; these need an exercise: %s", len(passed), strings.Join(reach, " "))
			require.Empty(t, wrong, strings.Join(wrong, "\n"))
			require.NotEmpty(t, passed)
		})
	}
}

// built is a program and its tests, not as in the chapter.
type built struct{ source, program, tests string }

func buildPartial(t *testing.T, chapter Chapter, solved []Exercise) built {
	t.Helper()
	files, err := Partial(root, chapter.Folder, solved)
	require.NoError(t, err)
	return buildWith(t, chapter, shareable(t), files)
}

// buildWith builds a chapter with other files in place of its own.
func buildWith(t *testing.T, chapter Chapter, folder string, files map[string][]byte) built {
	t.Helper()
	source, err := filepath.Abs(filepath.Join(root, chapter.Folder))
	require.NoError(t, err)
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for name, content := range files {
		overlay.Replace[filepath.Join(source, name)] = filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o644))
	}
	content, err := json.Marshal(overlay)
	require.NoError(t, err)
	path := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(path, content, 0o644))
	made := built{source: source, program: filepath.Join(folder, "bin", chapter.Folder), tests: filepath.Join(folder, "tests")}
	build(t, chapter, "build", "-buildvcs=false", "-overlay="+path, "-o", made.program)
	build(t, chapter, "test", "-c", "-vet=off", "-overlay="+path, "-o", made.tests)
	return made
}

// run runs one test.
func (b built) run(t *testing.T, test string) testbed.Result {
	t.Helper()
	result := testbed.Command{
		Path:     b.tests,
		Args:     []string{"-test.v", "-test.run=^" + regexp.QuoteMeta(test) + "$"},
		Dir:      b.source,
		Env:      append(os.Environ(), "TESTBED_BINARIES="+filepath.Dir(b.program), "TESTBED_MUST="),
		Deadline: time.Minute,
	}.Run(t)
	RemoveLeftCgroups(result.Stdout + result.Stderr)
	return result
}
