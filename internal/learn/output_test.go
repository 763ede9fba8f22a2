package learn

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed/chapters"
)

const testify = "=== RUN   TestX\n    a_test.go:19: \n        \tError Trace:\t/home/a_test.go:19\n" +
	"        \tError:      \tNot equal: \n        \t            \texpected: \"1\"\n        \t            \tactual  : \"2\"\n" +
	"        \t            \t\n        \t            \tDiff:\n        \t            \t--- Expected\n        \t            \t+++ Actual\n" +
	"        \t            \t@@ -1 +1 @@\n        \tTest:       \tTestX\n        \tMessages:   \tbecause\n--- FAIL: TestX (0.01s)\nFAIL\n"

// elements is what testify says of two lists.
const elements = "    a_test.go:19: \n        \tError Trace:\t/home/a_test.go:19\n        \tError:      \telements differ\n        \t            \t\n" +
	"        \t            \textra elements in list A:\n        \t            \t([]interface {}) (len=2) {\n" +
	"        \t            \t (string) (len=3) \"a b\",\n        \t            \t (int) 3\n        \t            \t}\n        \t            \t\n        \t            \t\n" +
	"        \t            \textra elements in list B:\n        \t            \t([]interface {}) (len=1) {\n        \t            \t (string) (len=3) \"d\\ne\"\n        \t            \t}\n" +
	"        \t            \tlistA:\n        \t            \t([]string) (len=1) {\n        \t            \t (string) (len=3) \"a b\"\n        \t            \t}\n" +
	"        \tTest:       \tTestX\n        \tMessages:   \tbecause\n"

func TestOutputIsTrimmed(t *testing.T) {
	for name, test := range map[string]struct{ output, want string }{
		"assertion": {testify, "at a_test.go:19\nNot equal:\nexpected: \"1\"\nactual  : \"2\"\nbecause"},
		"of a later step": {
			strings.Replace(testify, `"2"`, `testbed.Result{Stdout:"", Stderr:"panic: chapter 1, step 3: end is yours to write\n\ngoroutine 1 [running]:\nmain.x()\n\t/r/work/stage01-a/exit.go:7 +0x12\n", Code:2}`, 1),
			"at a_test.go:19\nNot equal:\nexpected: \"1\"\nactual  : testbed.Result{Stdout:\"\", Stderr:…, Code:2}\nStderr:\n" +
				"  panic: chapter 1, step 3: end is yours to write\nbecause\n(The panic of end is none of your business yet: that is step 3.)",
		},
		"not written": {
			"panic: chapter 1, step 2: send is yours to write [recovered, repanicked]\n\ngoroutine 1\n",
			"panic: chapter 1, step 2: send is yours to write",
		},
		"not written, within a container": {
			`actual  : testbed.Result{Stderr:"panic: chapter 1, step 2: send is yours to write\n\ngoroutine 1"}`,
			"panic: chapter 1, step 2: send is yours to write",
		},
		"stray panic": {
			"\tactual  : Result{Stderr:\"panic: assignment to nil map\\n\\ngoroutine 1 [running]:\\nmain.x()\\n\\t/usr/go/src/os.go:1\\n\\t/r/work/stage01-a/init.go:75 +0x12\\n\"}",
			"panic: assignment to nil map\nat init.go:75",
		},
		"fatal": {"=== RUN   TestX\n    b_test.go:3: no such thing\n--- FAIL: TestX (0s)\nFAIL\n", "at b_test.go:3\nno such thing"},
		"in a helper": {
			strings.Replace(testify, "Error Trace:\t/home/a_test.go:19\n", "Error Trace:\t/home/help_test.go:7\n        \t            \t\t\t\t/home/outside.go:3\n        \t            \t\t\t\t/home/a_test.go:19\n", 1),
			"at a_test.go:19, by help_test.go:7\nNot equal:\nexpected: \"1\"\nactual  : \"2\"\nbecause",
		},
		"elements": {elements, "at a_test.go:19\nmissing:\n  a b\n  3\nnot wanted:\n  \"d\\ne\"\nbecause"},
		"left":     {"=== RUN   TestX\n--- PASS: TestX (0s)\nPASS\ntestbed: left behind: mount /x\n" + redMark, "testbed: left behind: mount /x"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, trim(test.output, 2)) })
	}
}

// What a program prints comes quoted, on one line, and quoted once more where it has
// quotes itself.
func TestLongTextsAreUnquoted(t *testing.T) {
	long := `"mytinydocker: cannot, really, say \"what\"\nmytinydocker: the second line of it, which makes it long"`
	const unquoted = "  mytinydocker: cannot, really, say \"what\"\n  mytinydocker: the second line of it, which makes it long"
	for name, test := range map[string]struct{ line, want string }{
		"short":          {`actual  : testbed.Result{Stdout:"a\n", Stderr:"b\n", Code:0}`, `actual  : testbed.Result{Stdout:"a\n", Stderr:"b\n", Code:0}`},
		"not contained":  {long + ` does not contain "init: sethostname \\\"tiny\\\""`, unquoted + "\ndoes not contain\n  init: sethostname \\\"tiny\\\""},
		"of a program":   {`actual  : testbed.Result{Stdout:"", Stderr:` + long + `, Code:125}`, "actual  : testbed.Result{Stdout:\"\", Stderr:…, Code:125}\nStderr:\n" + unquoted},
		"of a text":      {`actual  : ` + long, "actual  : …\n" + unquoted},
		"without an end": {`"` + strings.Repeat("a", 200), `"` + strings.Repeat("a", 200)},
		"stray quotes":   {`a "b`, `a "b`},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, unquoteLong(test.line)) })
	}
}

func TestSubtestIsNamed(t *testing.T) {
	const nested = "=== RUN   TestX\n--- FAIL: TestX (0.01s)\n    --- PASS: TestX/half (0.00s)\n    --- FAIL: TestX/no_command (0.00s)\n    --- FAIL: TestX/other (0.00s)\n"

	require.Equal(t, `TestX, "no command",`, nameOf("TestX", nested))
	require.Equal(t, "TestX", nameOf("TestX", testify))
}

func TestLongOutputIsCut(t *testing.T) {
	text := shorten(strings.Repeat("é", 1000) + strings.Repeat("\nx", 100))

	require.Len(t, strings.Split(text, "\n"), mostLines+1)
	require.Len(t, []rune(strings.Split(text, "\n")[0]), mostRunes+1)
}

// Of the tests of a whole chapter, one that fails may have others fail: each is asked
// again, alone.
func TestFailuresOfAllTestsAreShown(t *testing.T) {
	const no = "    b_test.go:3: no\n"
	output := "=== RUN   TestA\n--- PASS: TestA (0.0s)\n=== RUN   TestB\n" + no + "--- FAIL: TestB (0.01s)\n" + testify + "--- FAIL: TestY (0.01s)\nFAIL\n" + redMark
	alone := map[string]string{
		"^TestB$": no + "--- FAIL: TestB (0.01s)\n    --- FAIL: TestB/a_b (0.01s)\n" + redMark,
		"^TestX$": "--- PASS: TestX (0.01s)\n",
		"^TestY$": testify + "--- FAIL: TestY (0.01s)\n" + redMark,
	}
	ask := func(pattern string) (string, error) { return alone[pattern], nil }
	require.Equal(t, []string{"TestB", "TestX", "TestY"}, failing(output))

	text, err := failures(output, 2, ask)
	require.NoError(t, err)
	require.Equal(t, "TestB, \"a b\", fails:\n\n  at b_test.go:3\n  no\n\nTestY fails:\n\n  at a_test.go:19\n  Not equal:\n  expected: \"1\"\n  actual  : \"2\"\n  because\n\n"+
		"Only together with others: TestX", text)

	alone["^TestB$"], alone["^TestY$"] = "--- PASS: TestB (0.01s)\n", "--- PASS: TestY (0.01s)\n"
	text, err = failures(output, 2, ask)
	require.NoError(t, err)
	require.Equal(t, "Only together with others: TestB, TestX, TestY\n\n  at a_test.go:19\n  Not equal:\n  expected: \"1\"\n  actual  : \"2\"\n  because", text)
	text, err = failures("--- PASS: TestX (0s)\nPASS\ntestbed: left behind: mount /x\n"+redMark, 2, ask)
	require.NoError(t, err)
	require.Equal(t, "testbed: left behind: mount /x", text)
	text, err = failures("=== RUN   TestX\npanic: no\n\n\t/r/work/stage01-a/a.go:3 +0x1\n"+redMark, 2, ask)
	require.NoError(t, err)
	require.Equal(t, "panic: no\nat a.go:3", text, "no test ends after a panic")
}

func TestOnlySomeOfManyFailuresAreShown(t *testing.T) {
	var output strings.Builder
	for number := range 9 {
		fmt.Fprintf(&output, "--- FAIL: Test%d (0.01s)\n", number)
	}
	asked := 0

	text, err := failures(output.String()+redMark, 2, func(string) (string, error) { asked++; return "    b_test.go:3: no\n" + redMark, nil })

	require.NoError(t, err)
	require.Equal(t, mostFailures, asked)
	require.Contains(t, text, "\n\nAnd: Test5, Test6, Test7, Test8")
}

func TestProgressIsCounted(t *testing.T) {
	var told []int
	counter := counter{tell: func(count int) { told = append(told, count) }}

	for _, part := range []string{"=== RUN   TestA\n--- PA", "SS: TestA (0.0s)\n--- FAIL: TestB (1s)\n    --- PASS: TestB/c (0s)\n", "--- SKIP: TestC (0s)\n"} {
		_, err := counter.Write([]byte(part))
		require.NoError(t, err)
	}

	require.Equal(t, []int{1, 2, 3}, told)
	require.Contains(t, counter.String(), "TestA\n--- PASS: TestA")
}

func TestFirstFailureOnly(t *testing.T) {
	require.Equal(t, trim(testify, 1), trim(testify+testify, 1))
}

func TestJudgement(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   verdict
	}{
		"passed":              {"--- PASS: TestX (0.01s)\nPASS\n", passed},
		"another test passed": {"--- PASS: TestXY (0.01s)\nPASS\n", failed},
		"no such test":        {"testing: warning: no tests to run\nPASS\n", failed},
		"left behind":         {"--- PASS: TestX (0.01s)\nPASS\ntestbed: left behind: mount /x\n" + redMark, failed},
		"skipped":             {"=== RUN   TestX\n    x_test.go:3: needs AUFS\n--- SKIP: TestX (0.01s)\nPASS\n", skipped},
		"its own panic":       {"panic: chapter 1, step 2: a is yours to write\n" + redMark, failed},
		"panic of a later":    {"panic: chapter 1, step 3: a is yours to write\n" + redMark, waiting},
		"asserted as well":    {testify + "panic: chapter 1, step 3: a is yours to write\n" + redMark, failed},
		"asserted in a line":  {"    x_test.go:3: no\npanic: chapter 1, step 3: a is yours to write\n" + redMark, failed},
		"asserted of a panic": {strings.Replace(testify, `"2"`, `"panic: chapter 1, step 3: a is yours to write"`, 1) + redMark, failed},
		"of both":             {"panic: chapter 1, step 3: a is yours to write\npanic: chapter 1, step 2: b is yours to write\n" + redMark, failed},
		"assertion":           {testify + redMark, failed},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := judge(test.output, "TestX", 2)

			require.Equal(t, test.want, got)
		})
	}
}

// Who runs the chapter's program by hand meanwhile makes a cgroup that a suite sees.
func TestWhatIsLeftBehindIsAskedForTwice(t *testing.T) {
	const pass, left = "--- PASS: TestX (0s)\nPASS\n", "testbed: left behind: cgroup: /x\n" + redMark
	step := chapters.Step{Number: 1, Tests: []string{"TestX"}}
	for name, test := range map[string]struct {
		outputs []string
		want    verdict
	}{
		"somebody else's": {[]string{pass + left, pass}, passed},
		"the test's":      {[]string{pass + left, pass + left}, failed},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			got, _, _, err := Workshop{}.ask(func(string) (string, error) {
				asked++
				return test.outputs[asked-1], nil
			}, step)

			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Equal(t, 2, asked)
		})
	}
}

func TestMarkdownIsRendered(t *testing.T) {
	text := plain("One *two*\n`three*` **four**.\n\n- item\n  goes on\n- [x](y)\n\n```go\na := *b\n```")

	require.Equal(t, "    a := *b\n    c", plain("```go\na := *b\nc\n```\n"), "also in the first line")
	require.Equal(t, "One two `three*` four.\n\n- item goes on\n- x (y)\n\n    a := *b", text)
	require.Equal(t, strings.Repeat("word ", 16)+"word\n`a command of several words`", plain(strings.Repeat("word ", 17)+"`a command of several words`"))
	for _, line := range strings.Split(plain(strings.Repeat("word ", 100)), "\n") {
		require.LessOrEqual(t, len(line), width)
	}
}

func TestWatchWaitsForQuiet(t *testing.T) {
	folder := t.TempDir()
	watcher, err := fsnotify.NewWatcher()
	require.NoError(t, err)
	defer func() { require.NoError(t, watcher.Close()) }()
	require.NoError(t, watcher.Add(folder))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	checks := 0

	err = whenQuiet(ctx, watcher, func() error {
		checks++
		switch checks {
		case 1: // a burst, and what is no Go file
			for _, name := range []string{"a.go", "b.go", "a.go", ".a.go.swp"} {
				require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o644))
			}
		case 2:
			cancel()
		}
		return nil
	})

	require.NoError(t, err)
	require.Equal(t, 2, checks)
}
