package chapters

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Headings are those of every chapter's README, in this order.
var Headings = []string{
	"What you will build", "The idea", "Write the test first", "Make it pass", "Refactor", "Try it", "Break it",
	"How Docker and runc do it", "Exercises",
}

// CheckReadme returns what is wrong with the README of the chapter in folder: its
// headings, code that it quotes and that is not in the file any more, lines of tests that
// are others by now, and links to files that do not exist.
func CheckReadme(folder string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		return nil, err
	}
	text := string(content)
	wrong := checkHeadings(text)
	quotes, err := checkQuotes(folder, text)
	if err != nil {
		return nil, err
	}
	wrong = append(wrong, quotes...)
	traces, err := checkTraces(folder, text)
	if err != nil {
		return nil, err
	}
	wrong = append(wrong, traces...)
	return append(wrong, checkLinks(folder, text)...), nil
}

func checkHeadings(text string) []string {
	var found []string
	for _, line := range strings.Split(outsideOfFences(text), "\n") {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			found = append(found, heading)
		}
	}
	if !slices.Equal(found, Headings) {
		return []string{fmt.Sprintf("the headings are %q and should be %q", found, Headings)}
	}
	return nil
}

var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

func outsideOfFences(text string) string { return fence.ReplaceAllString(text, "") }

// checkQuotes looks for every block that begins with "```go file=NAME" in that
// file. Lines may be indented otherwise there, all by as much.
func checkQuotes(folder, text string) ([]string, error) {
	var wrong []string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		name, quoted := strings.CutPrefix(block[1], "go file=")
		if !quoted {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		if !strings.Contains(string(content), block[2]) {
			wrong = append(wrong, fmt.Sprintf("this is not in %s:\n%s", name, block[2]))
		}
	}
	return wrong, nil
}

var (
	failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+) `)
	trace   = regexp.MustCompile(`\b(\w+_test\.go):(\d+)\b`)
)

// checkTraces looks for every line of a test's file that the output of a failing test
// names: it is one of that test, or makes an assertion.
func checkTraces(folder, text string) ([]string, error) {
	var wrong []string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		failed := failure.FindStringSubmatch(block[2])
		if failed == nil {
			continue
		}
		for _, match := range trace.FindAllStringSubmatch(block[2], -1) {
			content, err := os.ReadFile(filepath.Join(folder, match[1]))
			if err != nil {
				return nil, err
			}
			number, _ := strconv.Atoi(match[2]) // digits
			if !isLineOf(string(content), number, failed[1]) {
				wrong = append(wrong, fmt.Sprintf("%s is no line of %s, and asserts nothing", match[0], failed[1]))
			}
		}
	}
	return wrong, nil
}

var function = regexp.MustCompile(`^func (?:\([^)]*\) )?(\w+)\(`)

// isLineOf reports whether a line, counted from 1, is in a test, or makes an assertion in
// a function that is no test.
func isLineOf(content string, number int, test string) bool {
	lines := strings.Split(content, "\n")
	if number > len(lines) {
		return false
	}
	for _, line := range slices.Backward(lines[:number]) {
		if line == "}" {
			return false // between two functions
		}
		if match := function.FindStringSubmatch(line); match != nil {
			return match[1] == test || !strings.HasPrefix(match[1], "Test") && strings.Contains(lines[number-1], "require.")
		}
	}
	return false
}

var link = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)

func checkLinks(folder, text string) []string {
	var wrong []string
	for _, target := range link.FindAllStringSubmatch(outsideOfFences(text), -1) {
		if strings.Contains(target[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, target[1])); err != nil {
			wrong = append(wrong, "a link leads to nothing: "+target[1])
		}
	}
	return wrong
}

var testName = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")

// TestsOfExercises returns the tests that a README names in its exercises.
func TestsOfExercises(readme string) []string {
	var names []string
	for _, match := range testName.FindAllStringSubmatch(section(readme, "Exercises"), -1) {
		if !slices.Contains(names, match[1]) {
			names = append(names, match[1])
		}
	}
	return names
}

// section returns what stands below a heading, up to the next one.
func section(readme, heading string) string {
	_, text, _ := strings.Cut(readme, "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}
