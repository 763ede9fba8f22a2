package chapters

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Step is what a learner does before the tests are asked again: one function, or a
// few that belong together. The README of a chapter says what its steps are.
type Step struct {
	Number    int
	Title     string
	Text      string   // what to do, on one line
	Read      []string // the headings, or bold beginnings of paragraphs, that teach it
	See       string   // what can be seen when it is done, as Markdown
	Exercises []Exercise
	Tests     []string // that pass when it is done
	Hints     []string // from a nudge to nearly the answer, as Markdown
}

var (
	item   = regexp.MustCompile(`(?m)^(\d+)\. \*\*(.+?)[.?!]?\*\* `)
	phrase = regexp.MustCompile(`"([^"]+)"`)
	hint   = regexp.MustCompile(`(?s)<details><summary>[^\n]*</summary>\n(.*?)\n *</details>`)
)

// Steps returns the steps of a chapter: those items of the section on exercises that
// name functions to write: a paragraph on what, one on what to Read, and what to See. What
// follows them is for those who want to go further.
func Steps(root, folder string) ([]Step, error) {
	readme, err := os.ReadFile(filepath.Join(root, folder, "README.md"))
	if err != nil {
		return nil, err
	}
	exercises, err := Exercises(root, folder)
	if err != nil {
		return nil, err
	}
	text := section(string(readme), "Exercises")
	starts := item.FindAllStringSubmatchIndex(text, -1)
	var steps []Step
	for index, start := range starts {
		end := len(text)
		if index+1 < len(starts) {
			end = starts[index+1][0]
		}
		number, _ := strconv.Atoi(text[start[2]:start[3]]) // digits
		step := parseStep(text[start[1]:end], exercises)
		step.Number, step.Title = number, text[start[4]:start[5]]
		if strings.HasPrefix(step.Text, "Write `") {
			steps = append(steps, step)
		}
	}
	return steps, nil
}

func parseStep(text string, exercises []Exercise) Step {
	what, _, _ := strings.Cut(text, "<details>")
	what, see, _ := strings.Cut(unindent(what), "\n\nSee: ")
	what, read, _ := strings.Cut(what, "\n\nRead ")
	step := Step{Text: strings.Join(strings.Fields(what), " "), See: strings.TrimSpace(see)}
	for _, match := range testName.FindAllStringSubmatch(what, -1) {
		step.Tests = append(step.Tests, match[1])
	}
	for _, match := range phrase.FindAllStringSubmatch(strings.Join(strings.Fields(read), " "), -1) {
		step.Read = append(step.Read, match[1])
	}
	for _, exercise := range exercises {
		named := func(name string) bool { return strings.Contains(step.Text, "`"+name+"`") }
		if named(exercise.Function) && named(exercise.File) {
			step.Exercises = append(step.Exercises, exercise)
		}
	}
	slices.SortStableFunc(step.Exercises, func(a, b Exercise) int {
		return strings.Index(step.Text, "`"+a.Function+"`") - strings.Index(step.Text, "`"+b.Function+"`")
	})
	for _, match := range hint.FindAllStringSubmatch(text, -1) {
		step.Hints = append(step.Hints, strings.TrimSpace(unindent(match[1])))
	}
	return step
}

// unindent takes away the three spaces by which a text belongs to its item.
func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for index, line := range lines {
		lines[index] = strings.TrimPrefix(line, "   ")
	}
	return strings.Join(lines, "\n")
}
