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
	fenced  = regexp.MustCompile("(?ms)^```[^\n]*\n.*?^```$")
)

// whereToRead returns the parts of a chapter's README that lead to a step, one for each
// place: where it quotes the function, else names it, else quotes or names its file.
func (w Workshop) whereToRead(folder string, step chapters.Step) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(w.folder(folder), "README.md"))
	if err != nil {
		return nil, err
	}
	readme, _, _ := strings.Cut(string(content), "\n## Exercises\n")
	var places []string
	for _, exercise := range step.Exercises {
		function, err := cutOut(filepath.Join(w.Root, folder, exercise.File), exercise.Function)
		if err != nil {
			return nil, err
		}
		at := placeOf(readme, exercise, function)
		if at < 0 {
			continue
		}
		if place := work + "/" + folder + describe(readme, at); !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 0 {
		places = []string{work + "/" + folder + "/README.md, from its beginning"}
	}
	return places, nil
}

// placeOf returns the offset in a README at which it speaks of a function, or -1.
func placeOf(readme string, exercise chapters.Exercise, function string) int {
	inFile := -1
	for _, match := range quoted.FindAllStringSubmatchIndex(readme, -1) {
		if readme[match[2]:match[3]] != exercise.File {
			continue
		}
		if quote := readme[match[4]:match[5]]; strings.Contains(function, quote) || strings.Contains(quote, firstLine(function)) {
			return match[0]
		}
		if inFile < 0 {
			inFile = match[0]
		}
	}
	prose := fenced.ReplaceAllStringFunc(readme, func(block string) string { return strings.Repeat(" ", len(block)) })
	if at := namedIn(prose, exercise.Function); at >= 0 {
		return at
	}
	if inFile >= 0 {
		return inFile
	}
	return namedIn(prose, exercise.File)
}

// namedIn returns where a text names something outside of its tables, or else in one.
func namedIn(prose, name string) int {
	name, inTable := "`"+name+"`", -1
	for from := 0; ; {
		at := strings.Index(prose[from:], name)
		if at < 0 {
			return inTable
		}
		at += from
		if !strings.HasPrefix(prose[strings.LastIndexByte(prose[:at], '\n')+1:], "|") {
			return at
		}
		inTable, from = at, at+len(name)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// describe says where in a README an offset is: file, line, section, and the bold words
// that the paragraph, or one above it in the section, begins with.
func describe(readme string, at int) string {
	section, from := "", 0
	for _, match := range heading.FindAllStringSubmatchIndex(readme[:at], -1) {
		section, from = readme[match[2]:match[3]], match[1]
	}
	end := at + len(firstLine(readme[at:])) // the lead may begin the line itself
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
