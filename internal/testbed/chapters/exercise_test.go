package chapters

import (
	"go/ast"
	"go/format"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const solution = `package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"
	sys "golang.org/x/sys/unix"
)

// read reads.
//
//learn:exercise
func read(path string) ([]byte, error) {
	content, err := os.ReadFile(path) // a comment
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return content, json.Unmarshal(content, nil)
}

// Given, not asked for.
func given() (*cli.Command, error) { return nil, fmt.Errorf("%v", sys.EPERM) }

type point struct{ x int }

//learn:exercise
func (p *point) move() { p.x++ }
`

const starter = `package main

import (
	"fmt"

	"github.com/urfave/cli/v3"
	sys "golang.org/x/sys/unix"
)

// read reads.
//
//learn:exercise
func read(path string) ([]byte, error) {
	panic("chapter 2, step 1: read is yours to write")
}

// Given, not asked for.
func given() (*cli.Command, error) { return nil, fmt.Errorf("%v", sys.EPERM) }

type point struct{ x int }

//learn:exercise
func (p *point) move() {
	panic("chapter 2, step 2: move is yours to write")
}
`

func TestStarterLacksTheBodiesOfTheExercises(t *testing.T) {
	folder := tree(t, map[string]string{
		"a/old.go": "package main\n",
		"b/old.go": "package main\n", "b/new.go": solution, "b/new_test.go": "package main\n",
		"b/README.md": "# A\n\n## Exercises\n\n1. **In.** Write `read` in `new.go`.\n2. **On.** Write `move` in `new.go`.\n",
	})
	useChapters(t, Chapter{Folder: "a"}, Chapter{Folder: "b"})

	files, err := Starter(folder, "b")

	require.NoError(t, err)
	require.Len(t, files, 1, "only what differs from the solution")
	require.Equal(t, starter, string(files["new.go"]))
}

func TestStarterKeepsNoImportOfSolutionsOnly(t *testing.T) {
	const alone = "package main\n\nimport \"os\"\n\n//learn:exercise\nfunc pid() int { return os.Getpid() }\n"
	const block = "package main\n\nimport (\n\t\"os\"\n\n\t\"golang.org/x/sys/unix\"\n)\n\n" +
		"//learn:exercise\nfunc pid() int { return os.Getpid() }\n\n//learn:exercise\nfunc tid() int { return unix.Gettid() }\n"
	const group = "package main\n\nimport (\n\t\"os\"\n\n\t\"golang.org/x/sys/unix\"\n)\n\n" +
		"//learn:exercise\nfunc pid() int { return os.Getpid() }\n\nfunc tid() int { return unix.Gettid() }\n"
	folder := tree(t, map[string]string{
		"a/alone.go": alone, "a/block.go": block, "a/group.go": group,
		"a/README.md": "# A\n\n## Exercises\n\n1. **Who.** Write `pid` and `tid` in `alone.go`, `block.go` and `group.go`.\n",
	})
	useChapters(t, Chapter{Folder: "a"})

	files, err := Starter(folder, "a")

	require.NoError(t, err)
	require.NotContains(t, string(files["alone.go"]), "import")
	require.NotContains(t, string(files["block.go"]), "import")
	require.Contains(t, string(files["group.go"]), "import (\n\t\"golang.org/x/sys/unix\"\n)\n")
	for _, content := range files {
		formatted, err := format.Source(content)
		require.NoError(t, err)
		require.Equal(t, string(formatted), string(content))
	}
}

// What the chapter before has taught is there, unless this one asks for more.
func TestStarterAsksForNothingTwice(t *testing.T) {
	const more = "package main\n\n//learn:exercise\nfunc one() int { return 2 }\n"
	folder := tree(t, map[string]string{
		"a/moved.go": solution, "a/changed.go": "package main\n\n//learn:exercise\nfunc one() int { return 1 }\n",
		"b/elsewhere.go": solution, "b/changed.go": more,
	})
	useChapters(t, Chapter{Folder: "a"}, Chapter{Folder: "b"})

	exercises, err := Exercises(folder, "b")

	require.NoError(t, err)
	require.Equal(t, []Exercise{{File: "changed.go", Function: "one"}}, exercises)
	first, err := Exercises(folder, "a")
	require.NoError(t, err)
	require.Equal(t, []Exercise{{"changed.go", "one"}, {"moved.go", "read"}, {"moved.go", "move"}}, first)
}

// A panic that names no step would leave the learner alone with it.
func TestStarterAsksForNothingOutsideOfTheSteps(t *testing.T) {
	folder := tree(t, map[string]string{
		"a/a.go":      "package main\n\n//learn:exercise\nfunc one() int { return 1 }\n",
		"a/README.md": "# A\n\n## Exercises\n\n1. **On.** Write `two` in `a.go`.\n",
	})
	useChapters(t, Chapter{Folder: "a"})

	_, err := Starter(folder, "a")

	require.EqualError(t, err, "a/README.md has no step for one in a.go")
}

func TestStarterOfNoChapter(t *testing.T) {
	_, err := Starter(root, "stage99-nothing")

	require.ErrorContains(t, err, "stage99-nothing is no chapter")
}

func useChapters(t *testing.T, chapters ...Chapter) {
	t.Helper()
	old := All
	t.Cleanup(func() { All = old })
	All = chapters
}

// What --debug shows of a function that the learner writes, nobody could guess.
func TestExercisesLogOnlyWhatTheyAreAskedTo(t *testing.T) {
	for _, chapter := range All {
		err := eachWithExercises(root, chapter.Folder, func(source *source, asked []*ast.FuncDecl) {
			for _, function := range asked {
				if strings.Contains(source.text(function.Body), "logrus.") {
					require.Contains(t, function.Doc.Text(), "logrus.", "%s/%s: %s logs", chapter.Folder, source.name, function.Name.Name)
				}
			}
		})
		require.NoError(t, err)
	}
}
