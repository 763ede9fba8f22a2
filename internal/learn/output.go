package learn

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	mostLines = 24
	mostRunes = 300
)

// trim returns of the output of a step's test what tells the learner something: the
// panic of a function that is not written, another panic with the line of the chapter
// that it came from, or what was expected and what came.
func trim(output string, step int) string {
	if panic := notWritten(output, step); panic != "" {
		return panic
	}
	if lines := strayPanic(output); lines != "" {
		return lines
	}
	text := shorten(message(output))
	if later := mine.FindStringSubmatch(output); later != nil {
		text += fmt.Sprintf("\n(The panic of %s is none of your business yet: that is step %s.)", later[2], later[1])
	}
	return text
}

var mine = regexp.MustCompile(`panic: chapter \d+, step (\d+): (\w+) is yours to write`)

// notWritten returns the panic of a function that a step, or one before it, asks for.
func notWritten(output string, step int) string {
	for _, panic := range mine.FindAllStringSubmatch(output, -1) {
		if number, _ := strconv.Atoi(panic[1]); number <= step { // digits
			return panic[0]
		}
	}
	return ""
}

var (
	panicLine = regexp.MustCompile(`(?m)^.*?((?:panic|fatal error): .*)$`)
	frame     = regexp.MustCompile(`(?m)^\s+\S*/` + work + `/[^/\s]+/([\w.]+\.go:\d+)`)
	unquote   = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`)
)

// strayPanic returns a panic that nobody has put there, and where it happened. A
// container's may be found within the quoted output of a program.
func strayPanic(output string) string {
	text := unquote.Replace(output)
	for _, start := range panicLine.FindAllStringSubmatchIndex(text, -1) {
		panic := text[start[2]:start[3]]
		where := frame.FindStringSubmatch(text[start[3]:])
		if where != nil && !mine.MatchString(panic) {
			return shorten(panic + "\nat " + where[1])
		}
	}
	return ""
}

// asserted reports whether an assertion has failed, or a test has ended itself with a
// word about it.
func asserted(output string) bool {
	return strings.Contains(output, "\tError Trace:\t") || location.MatchString(output)
}

var failedPart = regexp.MustCompile(`(?m)^\s*--- FAIL: (\w+)/(\S+) \(`)

// nameOf returns the name of a test, and behind it that of its part which failed first.
func nameOf(test, output string) string {
	for _, part := range failedPart.FindAllStringSubmatch(output, -1) {
		if part[1] == test {
			return fmt.Sprintf("%s, %q,", test, strings.ReplaceAll(part[2], "_", " "))
		}
	}
	return test
}

// message returns what the first assertion that failed says, or else all that a test has
// said, without the frame that testify and the testing package put around it.
func message(output string) string {
	if start := strings.Index(output, "\tError Trace:\t"); start >= 0 {
		return assertion(strings.Split(output[start:], "\n"))
	}
	var lines []string
	for _, line := range strings.Split(output, "\n") {
		if match := location.FindStringSubmatch(line); match != nil {
			lines = append(lines, "at "+match[1])
			line = match[2]
		}
		if !chatter.MatchString(line) && strings.TrimSpace(line) != "" {
			lines = append(lines, unquoteLong(strings.TrimSpace(line)))
		}
	}
	return strings.Join(lines, "\n")
}

var (
	location = regexp.MustCompile(`(?m)^\s+([\w.]+_test\.go:\d+):\s*(.*)$`)
	chatter  = regexp.MustCompile(`^(=== |\s*--- |PASS$|FAIL|ok |exit status|testing: )`)
	label    = regexp.MustCompile(`^\s*\t(Error Trace|Error|Messages|Test):\s*\t(.*)$`)
	follows  = regexp.MustCompile(`^\s+\t {12}\t(.*)$`)
)

// assertion returns where an assertion of testify failed, its error without the diff,
// and its messages.
func assertion(report []string) string {
	var frames, lines, elements []string
	part := ""
	for _, line := range report {
		if match := label.FindStringSubmatch(line); match != nil {
			part, line = match[1], match[2]
		} else if match := follows.FindStringSubmatch(line); match != nil {
			line = match[1]
		} else {
			break // what follows is no part of it
		}
		switch line = strings.TrimSpace(line); {
		case line == "":
		case strings.HasPrefix(line, "Diff:"):
			part = "Diff"
		case line == "elements differ":
			part = "Elements"
		case part == "Error Trace":
			frames = append(frames, filepath.Base(line))
		case part == "Elements":
			elements = append(elements, line)
		case part == "Error" || part == "Messages":
			lines = append(lines, unquoteLong(line))
		}
	}
	at := "at " + frames[len(frames)-1]
	if len(frames) > 1 { // a helper of the tests
		at += ", by " + frames[0]
	}
	return strings.Join(slices.Concat([]string{at}, difference(elements), lines), "\n")
}

var element = regexp.MustCompile(`^\(\w+\)(?: \(len=\d+\))? (.*?),?$`)

// difference returns what is in one of two lists only, of all that testify says of them:
// of the first what is wanted, and of the second what has come.
func difference(report []string) []string {
	var lines []string
	for _, line := range report {
		switch match := element.FindStringSubmatch(line); {
		case line == "extra elements in list A:":
			lines = append(lines, "missing:")
		case line == "extra elements in list B:":
			lines = append(lines, "not wanted:")
		case line == "listA:":
			return lines
		case match != nil:
			if text, err := strconv.Unquote(match[1]); err == nil && !strings.Contains(text, "\n") {
				match[1] = text
			}
			lines = append(lines, "  "+match[1])
		case line != "}" && !strings.HasPrefix(line, "([]interface {})"):
			lines = append(lines, "  "+line)
		}
	}
	return lines
}

// unquoteLong shows a text as a program has printed it, if it is more than can be read
// between quotes.
func unquoteLong(line string) string {
	var below []string
	short := quotation.ReplaceAllStringFunc(line, func(found string) string {
		name, quoted, _ := strings.Cut(found, `"`)
		quoted = `"` + quoted
		if len(quoted) <= readable && !strings.Contains(line, notContained) {
			return found
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return found
		}
		text, _, _ = strings.Cut(text, "\n\ngoroutine ") // a stack trace
		if name != "" {
			below = append(below, name)
		}
		below = append(below, indent(strings.TrimSuffix(text, "\n")))
		return name + "…"
	})
	if len(below) == 0 {
		return line
	}
	if short == "…"+notContained+"…" {
		return below[0] + "\n" + strings.TrimSpace(notContained) + "\n" + below[1]
	}
	return strings.Join(append([]string{short}, below...), "\n")
}

const (
	readable     = 80 // bytes between quotes
	notContained = ` does not contain `
)

var quotation = regexp.MustCompile(`(?:\w+:)?"(?:[^"\\]|\\.)*"`)

// shorten cuts long lines, and long texts.
func shorten(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) > mostLines {
		lines = append(lines[:mostLines], "…")
	}
	for index, line := range lines {
		if runes := []rune(line); len(runes) > mostRunes {
			lines[index] = string(runes[:mostRunes]) + "…"
		}
	}
	return strings.Join(lines, "\n")
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// failing returns the names of the tests that an output says have failed.
func failing(output string) []string {
	var names []string
	for _, match := range failedTest.FindAllStringSubmatch(output, -1) {
		names = append(names, match[1])
	}
	return names
}

// mostFailures is how many tests of a chapter are shown that fail.
const mostFailures = 5

// failures returns what tells something of the tests that have failed among all those of
// a chapter with so many steps. Each is asked again: one that has left something may have
// had others fail, and they pass alone.
func failures(output string, steps int, ask func(pattern string) (string, error)) (string, error) {
	var parts, together, rest []string
	for _, test := range failing(output) {
		if len(parts) == mostFailures {
			rest = append(rest, test)
			continue
		}
		text, err := ask("^" + test + "$")
		if err != nil {
			return "", err
		}
		if result, _ := judge(text, test, steps); result == passed {
			together = append(together, test)
		} else {
			parts = append(parts, fmt.Sprintf("%s fails:\n\n%s", nameOf(test, text), indent(trim(text, steps))))
		}
	}
	if together != nil && parts == nil {
		return "Only together with others: " + strings.Join(together, ", ") + "\n\n" + indent(trim(output, steps)), nil
	}
	if parts == nil { // a panic has ended them all, or what they have left behind is the failure
		return trim(output, steps), nil
	}
	if together != nil {
		parts = append(parts, "Only together with others: "+strings.Join(together, ", "))
	}
	if rest != nil {
		parts = append(parts, "And: "+strings.Join(rest, ", "))
	}
	return strings.Join(parts, "\n\n"), nil
}

// indent puts two spaces before each line.
func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
