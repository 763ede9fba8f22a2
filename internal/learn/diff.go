package learn

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"mytinydocker/internal/testbed/chapters"
)

// Diff shows the learner's functions of a step beside the reference. Without one, 0, it
// shows the last step that is done, so as not to tell of the next; when all are done, all.
func (w Workshop) Diff(number int) error {
	folder, steps, record, err := w.current()
	if err != nil {
		return err
	}
	heading := "Step %d, %s"
	switch {
	case number < 0 || number > len(steps):
		return fmt.Errorf("chapter %d has %d steps: give one of them, as in learn:diff -step=1", numberOf(folder), len(steps))
	case number > 0:
		steps = steps[number-1 : number]
	case record.Step == 1:
		w.say("No step is done yet. learn:diff -step=1 shows how step 1 can be done.")
		return nil
	case record.Step <= len(steps):
		steps, heading = steps[record.Step-2:record.Step-1], "Step %d, %s, which is done"
	}
	for _, step := range steps {
		w.say(heading, step.Number, step.Title)
		for _, exercise := range step.Exercises {
			text, err := w.compare(folder, exercise)
			if err != nil {
				return err
			}
			w.say("\n%s", text)
		}
	}
	return nil
}

// compare returns a unified diff from the learner's function to the reference.
func (w Workshop) compare(folder string, exercise chapters.Exercise) (string, error) {
	yours, err := cutOut(filepath.Join(w.folder(folder), exercise.File), exercise.Function)
	if err != nil {
		return "", err
	}
	reference, err := cutOut(filepath.Join(w.Root, folder, exercise.File), exercise.Function)
	if err != nil {
		return "", err
	}
	if yours == reference {
		return fmt.Sprintf("%s in %s is the reference, letter for letter.", exercise.Function, exercise.File), nil
	}
	return string(diff.Diff(
		filepath.Join(work, folder, exercise.File), []byte(yours+"\n"),
		filepath.Join(folder, exercise.File), []byte(reference+"\n"),
	)), nil
}

// cutOut returns a function as it is written in a file, without its doc comment.
func cutOut(path, name string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	set := token.NewFileSet()
	function, err := declaration(set, path, content, name)
	if err != nil {
		return "", err
	}
	return string(content[set.Position(function.Pos()).Offset:set.Position(function.End()).Offset]), nil
}

func declaration(set *token.FileSet, path string, content []byte, name string) (*ast.FuncDecl, error) {
	file, err := parser.ParseFile(set, path, content, 0)
	if err != nil {
		return nil, err
	}
	for _, declaration := range file.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok && function.Name.Name == name && function.Body != nil {
			return function, nil
		}
	}
	return nil, fmt.Errorf("%s has no function %s", path, name)
}

// position is the file and the line of a function of the learner's, and says whether it
// is still the starter's.
func (w Workshop) position(folder string, exercise chapters.Exercise) string {
	path := filepath.Join(work, folder, exercise.File)
	set := token.NewFileSet()
	content, err := os.ReadFile(filepath.Join(w.Root, path))
	if err != nil {
		return path
	}
	function, err := declaration(set, path, content, exercise.Function)
	if err != nil {
		return path // the learner has moved it
	}
	at := fmt.Sprintf("%s:%d", path, set.Position(function.Pos()).Line)
	body := content[set.Position(function.Body.Pos()).Offset:set.Position(function.Body.End()).Offset]
	if strings.Contains(string(body), exercise.Function+" is yours to write\")") {
		at += fmt.Sprintf(" (%s is not written yet)", exercise.Function)
	}
	return at
}
