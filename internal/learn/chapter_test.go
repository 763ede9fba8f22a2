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

// The way of a learner through the first steps of the first chapter, in a copy of
// what it needs of this repository.
func TestFirstChapter(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.BaseImage, testbed.GoTool)
	var out strings.Builder
	w := Workshop{Root: clone(t, "stage01-namespaces"), Out: &out, Go: testbed.Go}
	check := func() string {
		out.Reset()
		require.NoError(t, w.Check())
		return out.String()
	}
	steps, err := chapters.Steps(w.Root, "stage01-namespaces")
	require.NoError(t, err)
	require.NoError(t, w.Start("1"))

	first := check()

	require.Contains(t, first, "Building work/stage01-namespaces")
	require.Contains(t, first, "Yours: bin/learn/stage01-namespaces\n")
	require.Contains(t, first, "Step 1: "+steps[0].Title)
	require.Contains(t, first, steps[0].Tests[0]+" fails:\n\n  panic: chapter 1, step 1: ")
	require.Contains(t, first, "Read  work/stage01-namespaces/README.md:")
	require.Contains(t, first, "Edit  work/stage01-namespaces/"+steps[0].Exercises[0].File+":")

	for _, exercise := range steps[0].Exercises {
		solve(t, w, "stage01-namespaces", exercise)
	}
	second := check()
	require.Contains(t, second, "Step 1, "+steps[0].Title+", is done.")
	require.Contains(t, second, "\nStep 2: "+steps[1].Title)
	require.NotContains(t, check(), "is done.", "it is said once")

	path := filepath.Join("work", "stage01-namespaces", "exit.go")
	content := read(t, w, path)
	write(t, w, path, content+"\nvar _ = nonsense\n")
	require.Contains(t, check(), "It does not compile yet:\n\n  work/stage01-namespaces/exit.go:")
	require.Contains(t, out.String(), "undefined: nonsense\n\nYou are at step 2: "+steps[1].Title)
	write(t, w, path, content)

	// What is wrong with a step is told there, whatever its program comes to afterwards.
	for _, exercise := range steps[1].Exercises {
		solve(t, w, "stage01-namespaces", exercise)
	}
	path = filepath.Join("work", "stage01-namespaces", "run.go")
	content = read(t, w, path)
	const flag = "syscall.CLONE_NEWPID | "
	require.Contains(t, content, flag)
	write(t, w, path, strings.Replace(content, flag, "", 1))
	require.Contains(t, check(), "\nStep 2: "+steps[1].Title)
	write(t, w, path, content)
	require.Contains(t, check(), "\nStep 3: "+steps[2].Title)

	for _, step := range steps {
		for _, exercise := range step.Exercises {
			solve(t, w, "stage01-namespaces", exercise)
		}
	}
	last := check()
	require.Contains(t, last, "Every step is done.")
	require.Contains(t, last, "All of them pass.")
	require.Contains(t, last, "learn:next    goes on to chapter 2")
}

// clone copies a chapter, and what is needed to build it, to a module of its own.
func clone(t *testing.T, chapter string) string {
	t.Helper()
	const repository = "../.."
	root := testbed.StateRoot(t)
	for _, folder := range []string{"internal", chapter} {
		require.NoError(t, os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(repository, folder))))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(repository, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(root, name), content, 0o644))
	}
	require.NoError(t, os.Chmod(root, 0o777)) // for Go, which may run as somebody else
	return root
}

// solve puts the reference in the place of a learner's function, and with it the
// imports of its file.
func solve(t *testing.T, w Workshop, chapter string, exercise chapters.Exercise) {
	t.Helper()
	reference := read(t, w, filepath.Join(chapter, exercise.File))
	path := filepath.Join(work, chapter, exercise.File)
	mine := read(t, w, path)
	theirs, err := cutOut(filepath.Join(w.Root, chapter, exercise.File), exercise.Function)
	require.NoError(t, err)
	stub, err := cutOut(filepath.Join(w.Root, path), exercise.Function)
	require.NoError(t, err)
	mine = strings.Replace(mine, stub, theirs, 1)
	write(t, w, path, head(reference)+mine[len(head(mine)):])
}

// head is what stands before the first function of a file and holds its imports.
func head(text string) string {
	if end := strings.Index(text, "\n)\n"); strings.Contains(text, "\nimport (") {
		return text[:end+3]
	}
	return text[:strings.Index(text, "\n")+1]
}
