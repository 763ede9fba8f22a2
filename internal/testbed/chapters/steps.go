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
	Text      string // what to do, on one line
	Exercises []Exercise
	Tests     []string // that pass when it is done
	Hints     []string // from a nudge to nearly the answer, as Markdown
}

var (
	item = regexp.MustCompile(`(?m)^(\d+)\. \*\*(.+?)[.?!]?\*\* `)
	hint = regexp.MustCompile(`(?s)<details><summary>[^\n]*</summary>\n(.*?)\n *</details>`)
)

// Steps returns the steps of a chapter: those items of the section on exercises that
// name functions to write. What follows them is for those who want to go further.
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
	step := Step{Text: strings.Join(strings.Fields(what), " ")}
	for _, match := range testName.FindAllStringSubmatch(what, -1) {
		step.Tests = append(step.Tests, match[1])
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
