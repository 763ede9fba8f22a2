package learn

import (
	"regexp"
	"strings"
)

// Hint unfolds one more hint of the current step.
func (w Workshop) Hint() error {
	folder, steps, record, err := w.current()
	if err != nil {
		return err
	}
	if record.Step > len(steps) {
		w.say("Every step of chapter %d is done. learn:diff shows yours beside the reference.", numberOf(folder))
		return nil
	}
	step := steps[record.Step-1]
	known := record.Hints[step.Number]
	if known >= len(step.Hints) {
		w.say("There is no more hint for step %d, %s. learn:diff -step=%d shows yours beside the reference.", step.Number, step.Title, step.Number)
		return nil
	}
	w.say("Step %d, %s: hint %d of %d\n\n%s", step.Number, step.Title, known+1, len(step.Hints), indent(plain(step.Hints[known])))
	return w.update(func(p *progress) { p.of(folder).Hints[step.Number] = known + 1 })
}

const width = 88

var (
	linked   = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)
	emphasis = regexp.MustCompile("\\*\\*?([^*`]+?)\\*\\*?")
)

// plain renders a little Markdown for a terminal: paragraphs and items are filled, code
// blocks are indented, links are written out.
func plain(markdown string) string {
	var out, paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			out = append(out, fill(prose(strings.Join(paragraph, " ")))...)
		}
		paragraph = nil
	}
	inCode := false
	for _, line := range strings.Split(markdown, "\n") {
		switch fenceLine := strings.HasPrefix(line, "```"); {
		case fenceLine:
			flush()
			inCode = !inCode
		case inCode:
			out = append(out, "    "+line)
		case strings.TrimSpace(line) == "":
			flush()
			out = append(out, "")
		case strings.HasPrefix(line, "- "):
			flush()
			paragraph = []string{line}
		default:
			paragraph = append(paragraph, strings.TrimSpace(line))
		}
	}
	flush()
	return strings.Trim(strings.Join(out, "\n"), "\n")
}

func prose(text string) string {
	text = linked.ReplaceAllString(text, "$1 ($2)")
	parts := strings.Split(text, "`") // every other part is code, where a star is a star
	for index := 0; index < len(parts); index += 2 {
		parts[index] = emphasis.ReplaceAllString(parts[index], "$1")
	}
	return strings.Join(parts, "`")
}

var code = regexp.MustCompile("`[^`]*`")

// fill breaks a text into lines, but no code.
func fill(text string) []string {
	const blank = "\x00"
	text = code.ReplaceAllStringFunc(text, func(span string) string { return strings.ReplaceAll(span, " ", blank) })
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		word = strings.ReplaceAll(word, blank, " ")
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
