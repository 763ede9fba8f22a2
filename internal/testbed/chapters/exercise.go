package chapters

import (
	"errors"
	"fmt"
	"go/ast"
	"path/filepath"
	"slices"
)

// Exercise is a function that the learner of a chapter writes.
type Exercise struct {
	File, Function string
}

// directive marks, in its doc comment, a function as an exercise.
const directive = "//learn:exercise"

// Exercises returns those of a chapter: the functions with the directive, but for
// the ones that the chapter before has in the same words.
func Exercises(root, folder string) ([]Exercise, error) {
	var exercises []Exercise
	err := eachWithExercises(root, folder, func(source *source, asked []*ast.FuncDecl) {
		for _, function := range asked {
			exercises = append(exercises, Exercise{File: source.name, Function: function.Name.Name})
		}
	})
	return exercises, err
}

// Starter returns what a learner starts from: the files of a chapter that differ
// from the solution, by name. The body of each exercise is a panic that names the
// chapter and the step, and imports that only these bodies use are missing. All else is the
// same, byte for byte, as far as gofmt has formatted the solution.
func Starter(root, folder string) (map[string][]byte, error) {
	return Partial(root, folder, nil)
}

// Partial returns what a learner has who has done some of the exercises: the files of
// the starter, in which the bodies of these are as in the solution. A file in which
// none is missing is the solution's, and not among them.
func Partial(root, folder string, solved []Exercise) (map[string][]byte, error) {
	number := slices.IndexFunc(All, func(c Chapter) bool { return c.Folder == folder }) + 1
	if number == 0 {
		return nil, fmt.Errorf("%s is no chapter", folder)
	}
	steps, err := Steps(root, folder)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	var failed error
	err = eachWithExercises(root, folder, func(source *source, asked []*ast.FuncDecl) {
		bodies := make(map[*ast.FuncDecl]string)
		for _, function := range asked {
			exercise := Exercise{File: source.name, Function: function.Name.Name}
			if slices.Contains(solved, exercise) {
				continue
			}
			step := slices.IndexFunc(steps, func(s Step) bool { return slices.Contains(s.Exercises, exercise) })
			if step < 0 {
				failed = errors.Join(failed, fmt.Errorf("%s/README.md has no step for %s in %s", folder, exercise.Function, exercise.File))
				continue
			}
			bodies[function] = fmt.Sprintf("{\n\tpanic(\"chapter %d, step %d: %s is yours to write\")\n}", number, steps[step].Number, exercise.Function)
		}
		if len(bodies) == 0 {
			return
		}
		content, err := source.without(bodies)
		files[source.name], failed = content, errors.Join(failed, err)
	})
	return files, errors.Join(err, failed)
}

// eachWithExercises calls visit for each file of a chapter that has exercises.
func eachWithExercises(root, folder string, visit func(*source, []*ast.FuncDecl)) error {
	index := slices.IndexFunc(All, func(c Chapter) bool { return c.Folder == folder })
	if index < 0 {
		return fmt.Errorf("%s is no chapter", folder)
	}
	known := make(map[string]bool)
	if index > 0 {
		before, err := readSources(filepath.Join(root, All[index-1].Folder))
		if err != nil {
			return err
		}
		for _, source := range before {
			for _, function := range source.exercises() {
				known[source.text(function)] = true
			}
		}
	}
	sources, err := readSources(filepath.Join(root, folder))
	if err != nil {
		return err
	}
	for _, source := range sources {
		asked := slices.DeleteFunc(source.exercises(), func(f *ast.FuncDecl) bool { return known[source.text(f)] })
		if len(asked) > 0 {
			visit(source, asked)
		}
	}
	return nil
}
