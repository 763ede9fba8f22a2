package learn

import (
	"fmt"
	"slices"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

// Status draws what is done of every chapter, as learn:check has last seen it.
func (w Workshop) Status() error {
	p, err := w.load()
	if err != nil {
		return err
	}
	for _, chapter := range chapters.All {
		steps, err := chapters.Steps(w.Root, chapter.Folder)
		if err != nil {
			return err
		}
		line := bar(chapter.Folder, len(steps), p.of(chapter.Folder).Passed)
		if chapter.Folder == p.Current {
			line += "   <- you are here"
		}
		w.say("%s", line)
	}
	return nil
}

// bar draws one chapter: a filled box for a step that is done, and their number.
func bar(folder string, steps int, passed []int) string {
	widest := 0
	for _, chapter := range chapters.All {
		widest = max(widest, len(chapter.Folder))
	}
	var boxes strings.Builder
	done := 0
	for step := 1; step <= steps; step++ {
		if slices.Contains(passed, step) {
			boxes.WriteRune('■')
			done++
		} else {
			boxes.WriteRune('□')
		}
	}
	const most = 8 // steps of a chapter
	return fmt.Sprintf("%-*s  %s%s  %d of %d", widest, folder, boxes.String(), strings.Repeat(" ", max(most-steps, 0)), done, steps)
}
