package chapters

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	heading  = regexp.MustCompile(`(?m)^(#+) `)
	code     = regexp.MustCompile("`[^`\n]+`")
	anyFence = regexp.MustCompile("(?ms)^ *```[^\n]*\n.*?^ *```$") // in an item, too
	details  = regexp.MustCompile(`<details>`)
)

// CheckTranslation returns what is in the README of a folder and not in its Chinese
// translation, or the other way round: headings of each level, code, links, tests and
// hints. What the sentences say it cannot know.
func CheckTranslation(folder string) ([]string, error) {
	original, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		return nil, err
	}
	translation, err := os.ReadFile(filepath.Join(folder, "README.zh-CN.md"))
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, part := range []struct {
		name      string
		want, got []string
	}{
		{"headings", headingsOf(string(original)), headingsOf(string(translation))},
		{"code", codeOf(string(original)), codeOf(string(translation))},
		{"links", translateLinks(folder, linksOf(string(original))), linksOf(string(translation))},
		{"tests", testName.FindAllString(string(original), -1), testName.FindAllString(string(translation), -1)},
		{"hints", details.FindAllString(string(original), -1), details.FindAllString(string(translation), -1)},
	} {
		if !slices.Equal(part.want, part.got) {
			wrong = append(wrong, difference(part.name, part.want, part.got))
		}
	}
	wrong = append(wrong, translatedPlaces(string(original), string(translation))...)
	if !strings.Contains(string(translation), "[English](README.md)") {
		wrong = append(wrong, "there is no link to the English text")
	}
	return wrong, nil
}

var (
	places           = regexp.MustCompile(`(?m)^   Read "(?:[^\n]+\n)+`)
	placesTranslated = regexp.MustCompile(`(?m)^   先读“.*$`)
	phraseTranslated = regexp.MustCompile(`“([^”]+)”`)
)

// translatedPlaces returns what is wrong with the places that the steps of a translation
// lead to: they are as many as in the original, and each is there.
func translatedPlaces(original, translation string) []string {
	var wrong []string
	want := phrase.FindAllString(strings.Join(places.FindAllString(original, -1), ""), -1)
	got := phraseTranslated.FindAllStringSubmatch(strings.Join(placesTranslated.FindAllString(translation, -1), ""), -1)
	if len(want) != len(got) {
		wrong = append(wrong, fmt.Sprintf("the steps lead to %d places and not to %d", len(got), len(want)))
	}
	for _, place := range got {
		if !strings.Contains(translation, "\n## "+place[1]+"\n") && !strings.Contains(translation, "**"+place[1]) {
			wrong = append(wrong, fmt.Sprintf("there is no “%s”, which a step leads to", place[1]))
		}
	}
	return wrong
}

// headingsOf returns the levels.
func headingsOf(text string) []string { return heading.FindAllString(outsideOfFences(text), -1) }

// codeOf returns the blocks of code, of which diagrams are translated.
func codeOf(text string) []string {
	blocks := anyFence.FindAllString(text, -1)
	for index, block := range blocks {
		if strings.HasPrefix(block, "```mermaid\n") {
			blocks[index] = "```mermaid"
		}
	}
	return blocks
}

// linksOf returns the targets of links, without the one to the other language.
func linksOf(text string) []string {
	var targets []string
	for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(outsideOfFences(text), ""), -1) {
		if target := match[1]; target != "README.md" && target != "README.zh-CN.md" {
			targets = append(targets, target)
		}
	}
	return targets
}

// translateLinks has links lead to translations where there are some.
func translateLinks(folder string, targets []string) []string {
	for index, target := range targets {
		other := strings.Replace(target, "README.md", "README.zh-CN.md", 1)
		if _, err := os.Stat(filepath.Join(folder, other)); err == nil {
			targets[index] = other
		}
	}
	return targets
}

// difference names the first thing in which two lists differ.
func difference(what string, want, got []string) string {
	for index, item := range want {
		if index >= len(got) {
			return fmt.Sprintf("%s: %q is missing", what, item)
		}
		if got[index] != item {
			return fmt.Sprintf("%s: %q and not %q", what, got[index], item)
		}
	}
	return fmt.Sprintf("%s: %q is too much", what, got[len(want)])
}
