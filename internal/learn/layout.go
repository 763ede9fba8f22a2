package learn

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mytinydocker/internal/testbed/chapters"
)

// Start lays out the starter of a chapter and has it be the current one. A chapter that
// is there already is left as it is: if it is not the current one, it becomes that
// again; else Start refuses.
func (w Workshop) Start(name string) error {
	index, err := find(name)
	if err != nil {
		return err
	}
	folder := chapters.All[index].Folder
	p, err := w.load()
	if err != nil {
		return err
	}
	_, err = os.Lstat(w.folder(folder))
	switch {
	case err == nil && p.Current == folder:
		return fmt.Errorf("%s/%s is there already and stays as it is: go on with learn:check, or move it aside with learn:restart %d", work, folder, index+1)
	case err == nil:
		w.say("Back in chapter %d: %s/%s is as you left it.", index+1, work, folder)
		return w.update(func(p *progress) { p.Current = folder; p.of(folder) })
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return w.begin(index)
}

// Restart lays out a chapter anew. What was there is moved aside, not removed.
func (w Workshop) Restart(name string) error {
	index, err := find(name)
	if err != nil {
		return err
	}
	folder := chapters.All[index].Folder
	if _, err := os.Lstat(w.folder(folder)); err == nil {
		aside, err := w.moveAside(folder)
		if err != nil {
			return err
		}
		w.say("What you had is in %s now.", aside)
	}
	if err := w.update(func(p *progress) { delete(p.Chapters, folder) }); err != nil {
		return err
	}
	return w.begin(index)
}

// Next starts the chapter that follows the current one.
func (w Workshop) Next() error {
	folder, steps, record, err := w.current()
	if err != nil {
		return err
	}
	if done := len(record.Passed); done < len(steps) {
		w.say("Chapter %d has %d of %d steps done. learn:start %d brings you back to it.", numberOf(folder), done, len(steps), numberOf(folder))
	} else if len(record.Failing) > 0 {
		w.say("All steps of chapter %d are done, but %s. learn:start %d brings you back to it.", numberOf(folder), fail(record.Failing), numberOf(folder))
	}
	if numberOf(folder) == len(chapters.All) {
		w.say("This was the last chapter. final/ is where it leads to: go tool mage run.")
		return nil
	}
	return w.Start(chapters.All[numberOf(folder)].Folder)
}

// fail says that tests do, and names the first.
func fail(tests []string) string {
	switch more := len(tests) - 1; more {
	case 0:
		return tests[0] + " fails"
	case 1:
		return tests[0] + " and one more test of it fail"
	default:
		return fmt.Sprintf("%s and %d more tests of it fail", tests[0], more)
	}
}

func (w Workshop) begin(index int) error {
	folder := chapters.All[index].Folder
	if err := w.layOut(folder); err != nil {
		return fmt.Errorf("lay out %s: %w", folder, err)
	}
	if err := w.update(func(p *progress) { p.Current = folder; p.of(folder) }); err != nil {
		return err
	}
	steps, err := chapters.Steps(w.Root, folder)
	if err != nil {
		return err
	}
	w.say("Chapter %d, %s, is in %s/%s. %d functions are yours to write, in %d steps:\n", index+1, chapters.All[index].Title, work, folder, countExercises(steps), len(steps))
	for _, step := range steps {
		w.say("  %d. %s", step.Number, step.Title)
	}
	w.say("\nRead %s/%s/README.md, then:\n\n  go tool mage learn:check    says what is next, and whether it is done", work, folder)
	return nil
}

func countExercises(steps []chapters.Step) int {
	count := 0
	for _, step := range steps {
		count += len(step.Exercises)
	}
	return count
}

// layOut puts a chapter, with the starter's files in place, where nothing is yet.
func (w Workshop) layOut(folder string) (err error) {
	files, err := chapters.Starter(w.Root, folder)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(w.Root, work), 0o755); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(filepath.Join(w.Root, work), ".new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()
	laidOut := filepath.Join(partial, folder)
	if err := os.CopyFS(laidOut, os.DirFS(filepath.Join(w.Root, folder))); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(laidOut, name), content, 0o644); err != nil {
			return err
		}
	}
	return os.Rename(laidOut, w.folder(folder))
}

// moveAside moves a folder to the first free name below work/old, and returns that.
func (w Workshop) moveAside(folder string) (string, error) {
	old := filepath.Join(work, "old")
	if err := os.MkdirAll(filepath.Join(w.Root, old), 0o755); err != nil {
		return "", err
	}
	for attempt := 1; ; attempt++ {
		aside := filepath.Join(old, fmt.Sprintf("%s.%d", folder, attempt))
		if _, err := os.Lstat(filepath.Join(w.Root, aside)); errors.Is(err, fs.ErrNotExist) {
			return aside, os.Rename(w.folder(folder), filepath.Join(w.Root, aside))
		} else if err != nil {
			return "", err
		}
	}
}
