package learn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/testbed/chapters"
)

func TestMain(m *testing.M) { testbed.Main(m) }

const readme = `# A

## The idea

| file | idea |
|---|---|
| ` + "`a.go`, `two`" + ` | all of it |

## Make it pass

**Add first.** It is a sum:

` + "```go file=a.go\n\treturn a + b\n```" + `

- **Then double?** ` + "`two`" + ` is for that.

## Exercises

1. **The sum.** Write ` + "`add` in `a.go`" + `. (` + "`TestAdd`" + `)
   <details><summary>Hint</summary>

   Think of **plus**.
   </details>
   <details><summary>More</summary>

   See [the spec](https://go.dev/ref/spec):

   ` + "```go\n   return a + b // *a*\n   ```" + `
   </details>
2. **Twice.** Write ` + "`two` in `a.go`" + `. (` + "`TestTwo`" + `)
   <details><summary>Hint</summary>

   Add.
   </details>
`

const reference = `package main

//learn:exercise
func add(a, b int) int {
	return a + b
}

//learn:exercise
func two(a int) int { return add(a, a) }
`

// newWorkshop makes a repository with two small chapters, and returns the workshop
// in it with what it prints.
func newWorkshop(t *testing.T) (Workshop, *strings.Builder) {
	t.Helper()
	old := chapters.All
	t.Cleanup(func() { chapters.All = old })
	chapters.All = []chapters.Chapter{{Folder: "stage01-a", Title: "sums"}, {Folder: "stage02-b", Title: "more"}}
	root := t.TempDir()
	for name, content := range map[string]string{
		"stage01-a/README.md": readme, "stage01-a/a.go": reference, "stage01-a/testdata/x": "x",
		"stage02-b/README.md": strings.Replace(readme, "`add` in", "`sub` in", 1), "stage02-b/a.go": strings.ReplaceAll(reference, "add", "sub") + "\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
	}
	var out strings.Builder
	return Workshop{Root: root, Out: &out}, &out
}

func read(t *testing.T, w Workshop, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.Root, name))
	require.NoError(t, err)
	return string(content)
}

// write is what the learner does.
func write(t *testing.T, w Workshop, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(w.Root, name), []byte(content), 0o644))
}

func TestStartLaysOutTheStarter(t *testing.T) {
	w, out := newWorkshop(t)

	require.NoError(t, w.Start("1"))

	require.Contains(t, read(t, w, "work/stage01-a/a.go"), `panic("chapter 1, step 1: add is yours to write")`)
	require.Equal(t, "x", read(t, w, "work/stage01-a/testdata/x"))
	require.Contains(t, out.String(), "2 functions are yours to write, in 2 steps")
	entries, err := os.ReadDir(filepath.Join(w.Root, "work"))
	require.NoError(t, err)
	require.Len(t, entries, 2, "the chapter and the progress, and nothing half made")
}

func TestStartOverwritesNothing(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("stage01-a/"))
	write(t, w, "work/stage01-a/a.go", "mine")

	err := w.Start("1")

	require.EqualError(t, err, "work/stage01-a is there already and stays as it is: go on with learn:check, or move it aside with learn:restart 1")
	require.NoError(t, w.Start("2"))
	require.NoError(t, w.Start("stage01"))
	require.Contains(t, out.String(), "Back in chapter 1")
	require.Equal(t, "mine", read(t, w, "work/stage01-a/a.go"))
}

func TestRestartMovesAside(t *testing.T) {
	w, _ := newWorkshop(t)
	for _, content := range []string{"first", "second"} {
		require.NoError(t, w.Restart("1"))
		write(t, w, "work/stage01-a/a.go", content)
	}
	require.NoError(t, w.update(func(p *progress) { p.of("stage01-a").Step = 2 }))

	require.NoError(t, w.Restart("1"))

	require.Equal(t, "first", read(t, w, "work/old/stage01-a.1/a.go"))
	require.Equal(t, "second", read(t, w, "work/old/stage01-a.2/a.go"))
	require.Contains(t, read(t, w, "work/stage01-a/a.go"), "panic(")
	_, _, record, err := w.current()
	require.NoError(t, err)
	require.Equal(t, 1, record.Step)
}

func TestNoSuchChapter(t *testing.T) {
	w, _ := newWorkshop(t)
	for _, name := range []string{"0", "3", "-1", "", "stage", "stage01-b", "../stage01-a"} {
		require.ErrorContains(t, w.Start(name), "is no chapter", name)
	}
	require.NoDirExists(t, filepath.Join(w.Root, "work"))
}

func TestNothingIsStartedYet(t *testing.T) {
	w, _ := newWorkshop(t)
	for _, do := range []func() error{w.Check, w.Hint, w.Diff, w.Next} {
		require.EqualError(t, do(), "no chapter has been started: go tool mage learn:start 1")
	}
	require.NoError(t, w.Status())
}

func TestNextKeepsWhatWasDone(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	write(t, w, "work/stage01-a/a.go", "mine")

	require.NoError(t, w.Next())

	require.Contains(t, out.String(), "Chapter 1 has 0 of 2 steps done.")
	require.Equal(t, "mine", read(t, w, "work/stage01-a/a.go"))
	require.Contains(t, read(t, w, "work/stage02-b/a.go"), "panic(\"chapter 2, step 1: sub")
	require.NoError(t, w.Next())
	require.Contains(t, out.String(), "the last chapter")
}

func TestHintsComeOneByOne(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	said := func() string {
		out.Reset()
		require.NoError(t, w.Hint())
		return out.String()
	}

	require.Equal(t, "Step 1, The sum: hint 1 of 2\n\n  Think of plus.\n", said())
	require.Equal(t, "Step 1, The sum: hint 2 of 2\n\n  See the spec (https://go.dev/ref/spec):\n  \n      return a + b // *a*\n", said())
	require.Contains(t, said(), "no more hint for step 1, The sum. learn:diff")
	require.NoError(t, w.update(func(p *progress) { p.of("stage01-a").Step = 2 }))
	require.Contains(t, said(), "Step 2, Twice: hint 1 of 1")
	require.NoError(t, w.update(func(p *progress) { p.of("stage01-a").Step = 3 }))
	require.Contains(t, said(), "Every step of chapter 1 is done.")
}

func TestDiffShowsOnlyTheStep(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	write(t, w, "work/stage01-a/a.go", strings.Replace(reference, "a + b", "a - b", 1))
	out.Reset()

	require.NoError(t, w.Diff())

	require.Contains(t, out.String(), "-\treturn a - b\n+\treturn a + b\n }\n")
	require.NotContains(t, out.String(), "two")
	require.NoError(t, w.update(func(p *progress) { p.of("stage01-a").Step = 2 }))
	require.NoError(t, w.Diff())
	require.Contains(t, out.String(), "two in a.go is the reference, letter for letter.")
}

func TestDiffSaysWhatItMisses(t *testing.T) {
	w, _ := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	write(t, w, "work/stage01-a/a.go", "package main\n")

	require.ErrorContains(t, w.Diff(), "work/stage01-a/a.go has no function add")
}

func TestStatusDrawsWhatWasRecorded(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	require.NoError(t, w.update(func(p *progress) { p.of("stage01-a").Passed = []int{1} }))
	out.Reset()

	require.NoError(t, w.Status())

	require.Equal(t, "stage01-a  ■□        1 of 2   <- you are here\nstage02-b  □□        0 of 2\n", out.String())
}

func TestWhereToRead(t *testing.T) {
	w, _ := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	steps, err := chapters.Steps(w.Root, "stage01-a")
	require.NoError(t, err)

	sum, err := w.whereToRead("stage01-a", steps[0])
	require.NoError(t, err)
	twice, err := w.whereToRead("stage01-a", steps[1])
	require.NoError(t, err)

	require.Equal(t, []string{`work/stage01-a/README.md:11, "Make it pass", from "Add first"`}, sum, "where the function is quoted")
	require.Equal(t, []string{`work/stage01-a/README.md:17, "Make it pass", from "Then double"`}, twice, "where it is named, and not in a table")
}

// A container that panics may show no more than its exit status.
func TestWhatIsNotWrittenYetIsMarked(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	steps, err := chapters.Steps(w.Root, "stage01-a")
	require.NoError(t, err)

	require.NoError(t, w.show("stage01-a", steps[0], 0, ""))
	require.Contains(t, out.String(), "Edit  work/stage01-a/a.go:4 (add is not written yet)\n")

	write(t, w, "work/stage01-a/a.go", reference)
	require.NoError(t, w.show("stage01-a", steps[0], 0, ""))
	require.Contains(t, out.String(), "Edit  work/stage01-a/a.go:4\n")
}
