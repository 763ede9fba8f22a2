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

   Read "The idea" and "Then double?".

   See: it adds.

   ` + "```console\n   # ./stage01-a 1 2\n   3\n   ```" + `
   <details><summary>Hint</summary>

   Think of **plus**.
   </details>
   <details><summary>More</summary>

   See [the spec](https://go.dev/ref/spec):

   ` + "```go\n   return a + b // *a*\n   ```" + `
   </details>
2. **Twice.** Write ` + "`two` in `a.go`" + `. (` + "`TestTwo`" + `)

   Read "Then double?".

   See: it doubles.
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
	for _, name := range []string{"0", "3", "-1", "stage", "stage01-b", "../stage01-a"} {
		require.ErrorContains(t, w.Start(name), "is no chapter", name)
	}
	require.NoDirExists(t, filepath.Join(w.Root, "work"))
}

func TestNothingIsStartedYet(t *testing.T) {
	w, _ := newWorkshop(t)
	for _, do := range []func() error{w.Check, w.Hint, func() error { return w.Diff(0) }, w.Next} {
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

func TestNextTellsOfTestsThatFail(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	require.NoError(t, w.update(func(p *progress) {
		*p.of("stage01-a") = record{Step: 3, Passed: []int{1, 2}, Failing: []string{"TestOther", "TestThird"}}
	}))

	require.NoError(t, w.Next())

	require.Contains(t, out.String(), "All steps of chapter 1 are done, but TestOther and one more test of it fail. learn:start 1 brings you back to it.")
}

func TestStartWantsAChapter(t *testing.T) {
	w, _ := newWorkshop(t)

	require.EqualError(t, w.Start(""), "give a chapter, from 1 to 2: go tool mage learn:start 1")
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
	require.Contains(t, said(), "no more hint for step 1, The sum. learn:diff -step=1 shows yours beside the reference.")
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

	require.NoError(t, w.Diff(1))

	require.Contains(t, out.String(), "-\treturn a - b\n+\treturn a + b\n }\n")
	require.NotContains(t, out.String(), "two")
	require.NoError(t, w.Diff(2))
	require.Contains(t, out.String(), "two in a.go is the reference, letter for letter.")
	require.EqualError(t, w.Diff(3), "chapter 1 has 2 steps: give one of them, as in learn:diff -step=1")
	require.Error(t, w.Diff(-1))
}

// The step that is next is the learner's, and seen only on request.
func TestDiffShowsWhatIsDone(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	shown := func(next int) string {
		require.NoError(t, w.update(func(p *progress) { p.of("stage01-a").Step = next }))
		out.Reset()
		require.NoError(t, w.Diff(0))
		return out.String()
	}

	require.Equal(t, "No step is done yet. learn:diff -step=1 shows how step 1 can be done.\n", shown(1))
	require.Contains(t, shown(2), "+\treturn a + b\n")
	require.Contains(t, shown(2), "Step 1, The sum, which is done\n")
	require.NotContains(t, shown(2), "two")
	require.Contains(t, shown(3), "two")
	require.Contains(t, shown(3), "add")
}

func TestDiffSaysWhatItMisses(t *testing.T) {
	w, _ := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	write(t, w, "work/stage01-a/a.go", "package main\n")

	require.ErrorContains(t, w.Diff(1), "work/stage01-a/a.go has no function add")
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

	require.Equal(t, []string{
		`work/stage01-a/README.md:3, "The idea"`,
		`work/stage01-a/README.md:17, "Make it pass", from "Then double"`,
		`work/stage01-a/README.md:11, "Make it pass", from "Add first" (shows the code)`,
	}, sum)
	require.Equal(t, []string{`work/stage01-a/README.md:17, "Make it pass", from "Then double"`}, twice)
	_, err = w.whereToRead("stage01-a", chapters.Step{Number: 7, Read: []string{"Nothing"}})
	require.EqualError(t, err, `the README of stage01-a has no "Nothing", which step 7 leads to`)
}

func TestEveryStepLeadsToItsPlaces(t *testing.T) {
	for _, chapter := range chapters.All {
		readme, err := os.ReadFile(filepath.Join("../..", chapter.Folder, "README.md"))
		require.NoError(t, err)
		steps, err := chapters.Steps("../..", chapter.Folder)
		require.NoError(t, err)
		for _, step := range steps {
			_, err := placesToRead(string(readme), chapter.Folder, step)
			require.NoError(t, err)
		}
	}
}

// A container that panics may show no more than its exit status.
func TestWhatIsNotWrittenYetIsMarked(t *testing.T) {
	w, out := newWorkshop(t)
	require.NoError(t, w.Start("1"))
	steps, err := chapters.Steps(w.Root, "stage01-a")
	require.NoError(t, err)

	require.NoError(t, w.show("stage01-a", steps[0], 0, ""))
	require.Contains(t, out.String(), "Edit  work/stage01-a/a.go:4 (add is not written yet)\n")
	require.NotContains(t, out.String(), "earlier step")

	write(t, w, "work/stage01-a/a.go", reference)
	require.NoError(t, w.show("stage01-a", steps[0], 0, ""))
	require.Contains(t, out.String(), "Edit  work/stage01-a/a.go:4\n")

	require.NoError(t, w.show("stage01-a", steps[1], 2, ""))
	require.Contains(t, out.String(), "      (or what belongs to an earlier step: the tests of a step do not see everything)\n")
	require.Contains(t, out.String(), "Stuck? go tool mage learn:diff -step=2 shows yours beside the reference\n")
}

// What can be seen is told when it can be seen.
func TestStepThatIsDoneIsSeen(t *testing.T) {
	w, out := newWorkshop(t)
	steps, err := chapters.Steps(w.Root, "stage01-a")
	require.NoError(t, err)

	w.celebrate(steps, nil, []int{1})
	require.Equal(t, "Step 1, The sum, is done. learn:diff -step=1 compares it.\nSee, as root, in bin/learn: it adds.\n\n    # ./stage01-a 1 2\n    3\n\n", out.String())

	out.Reset()
	w.celebrate(steps, []int{1}, []int{1, 2})
	require.Equal(t, "Step 2, Twice, is done. learn:diff -step=2 compares it.\nSee, as root, in bin/learn: it doubles.\n\n", out.String())

	out.Reset()
	w.celebrate(steps, []int{1, 2}, []int{1, 2})
	require.Empty(t, out.String())
}

func TestWhatDoesNotCompileIsTold(t *testing.T) {
	w, _ := newWorkshop(t)
	require.NoError(t, os.WriteFile(filepath.Join(w.Root, "stage01-a", "b.go"),
		[]byte("package main\n\nimport (\n\t\"encoding/json\"\n\tsys \"golang.org/x/sys/unix\"\n)\n\nvar _, _ = json.Valid, sys.Mount\n"), 0o644))
	const said = "# mytinydocker/work/stage01-a\nwork/stage01-a/b.go:7:2: undefined: json\nwork/stage01-a/b.go:8:2: undefined: sys\n" +
		"work/stage01-a/b.go:9:2: undefined: nonsense\nwork/stage01-a/a.go:1:2: undefined: json\n"

	require.Equal(t, "work/stage01-a/b.go:7:2: undefined: json (add the import \"encoding/json\")\n"+
		"work/stage01-a/b.go:8:2: undefined: sys (add the import sys \"golang.org/x/sys/unix\")\n"+
		"work/stage01-a/b.go:9:2: undefined: nonsense\nwork/stage01-a/a.go:1:2: undefined: json", w.explain("stage01-a", said))
}
