package learn

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

var (
	heading = regexp.MustCompile(`(?m)^## (.+)$`)
	lead    = regexp.MustCompile(`(?m)^(?:- )?\*\*(.+?)[.?!:]?\*\*`)
	quoted  = regexp.MustCompile("(?ms)^```go file=(\\S+)\n(.*?)^```$")
)

// whereToRead returns the parts of a chapter's README that lead to a step: those that the
// step names, and behind them those that quote what is to be written.
func (w Workshop) whereToRead(folder string, step chapters.Step) ([]string, error) {
	readme, err := os.ReadFile(filepath.Join(w.folder(folder), "README.md"))
	if err != nil {
		return nil, err
	}
	places, err := placesToRead(string(readme), folder, step)
	if err != nil {
		return nil, err
	}
	for _, exercise := range step.Exercises {
		function, err := cutOut(filepath.Join(w.Root, folder, exercise.File), exercise.Function)
		if err != nil {
			return nil, err
		}
		for _, match := range quoted.FindAllStringSubmatchIndex(string(readme), -1) {
			quote := string(readme[match[4]:match[5]])
			shows := strings.Contains(function, strings.TrimSpace(quote)) || strings.Contains(quote, firstLine(function))
			if shows && string(readme[match[2]:match[3]]) == exercise.File {
				places = append(places, work+"/"+folder+describe(string(readme), match[0])+" (shows the code)")
			}
		}
	}
	return slices.Compact(places), nil
}

// placesToRead finds what a step leads to, in a README.
func placesToRead(readme, folder string, step chapters.Step) ([]string, error) {
	var places []string
	for _, name := range step.Read {
		at := -1
		for _, match := range slices.Concat(heading.FindAllStringSubmatchIndex(readme, -1), lead.FindAllStringSubmatchIndex(readme, -1)) {
			if at < 0 && strings.Trim(readme[match[2]:match[3]], "?!.:") == strings.Trim(name, "?!.:") {
				at = match[0]
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("the README of %s has no %q, which step %d leads to", folder, name, step.Number)
		}
		places = append(places, work+"/"+folder+describe(readme, at))
	}
	return places, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// describe says where in a README an offset is: file, line, section, and the bold words
// that the paragraph, or one above it in the section, begins with.
func describe(readme string, at int) string {
	section, from := "", 0
	end := at + len(firstLine(readme[at:])) // the heading, or the lead, may be the line itself
	for _, match := range heading.FindAllStringSubmatchIndex(readme[:end], -1) {
		section, from = readme[match[2]:match[3]], match[1]
	}
	words := ""
	start := at
	for _, match := range lead.FindAllStringSubmatchIndex(readme[from:end], -1) {
		words, start = readme[from+match[2]:from+match[3]], from+match[0]
	}
	place := fmt.Sprintf("/README.md:%d", 1+strings.Count(readme[:start], "\n"))
	if section != "" {
		place += fmt.Sprintf(", %q", section)
	}
	if words != "" {
		place += fmt.Sprintf(", from %q", strings.ReplaceAll(words, "`", ""))
	}
	return place
}
