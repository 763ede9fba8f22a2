// Package learn is the workshop: it lays out a chapter for a learner, finds the step
// that is next, and shows what that step asks, what came instead, and where to read.
// What is done is remembered below the folder work of the repository.
package learn

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

// Workshop is where somebody learns.
type Workshop struct {
	Root   string                          // the repository
	Out    io.Writer                       // what the learner reads
	Go     func(words ...string) *exec.Cmd // the Go tool, run as who may write below Root; by default as the caller
	AsRoot []string                        // stands before a command that needs root
}

// work is the learner's own folder, below the repository so that what is in it belongs
// to the module.
const work = "work"

func (w Workshop) folder(chapter string) string { return filepath.Join(w.Root, work, chapter) }

func (w Workshop) goTool(words ...string) *exec.Cmd {
	if w.Go != nil {
		return w.Go(words...)
	}
	return exec.Command("go", words...)
}

func (w Workshop) say(format string, values ...any) { fmt.Fprintf(w.Out, format+"\n", values...) }

// find returns the index of a chapter, by its number, its folder, or a beginning of
// its folder that no other has.
func find(name string) (int, error) {
	if name == "" {
		return 0, fmt.Errorf("give a chapter, from 1 to %d: go tool mage learn:start 1", len(chapters.All))
	}
	if number, err := strconv.Atoi(name); err == nil && number >= 1 && number <= len(chapters.All) {
		return number - 1, nil
	}
	name = strings.TrimSuffix(name, "/")
	var found []int
	for index, chapter := range chapters.All {
		if strings.HasPrefix(chapter.Folder, name) {
			found = append(found, index)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%q is no chapter: give a number from 1 to %d, or a folder such as %s", name, len(chapters.All), chapters.All[0].Folder)
	}
	return found[0], nil
}

// numberOf is that of a chapter, from 1.
func numberOf(folder string) int {
	return slices.IndexFunc(chapters.All, func(c chapters.Chapter) bool { return c.Folder == folder }) + 1
}
