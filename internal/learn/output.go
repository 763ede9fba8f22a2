package learn

import (
	"path/filepath"
	"regexp"
	"strings"
)

const (
	mostLines = 24
	mostRunes = 300
)

// trim returns of a test's output what tells the learner something: the panic of a
// function that is not written, another panic with the line of the chapter that it came
// from, or what was expected and what came.
func trim(output string) string {
	if panic := mine.FindString(output); panic != "" {
		return panic
	}
	if lines := strayPanic(output); lines != "" {
		return lines
	}
	return shorten(message(output))
}

var (
	panicLine = regexp.MustCompile(`(?m)^.*?((?:panic|fatal error): .*)$`)
	frame     = regexp.MustCompile(`(?m)^\s+\S*/` + work + `/[^/\s]+/([\w.]+\.go:\d+)`)
	unquote   = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`)
)

// strayPanic returns a panic and where it happened. A container's may be found within
// the quoted output of a program.
func strayPanic(output string) string {
	text := unquote.Replace(output)
	start := panicLine.FindStringSubmatchIndex(text)
	if start == nil {
		return ""
	}
	where := frame.FindStringSubmatch(text[start[3]:])
	if where == nil {
		return ""
	}
	return shorten(text[start[2]:start[3]] + "\nat " + where[1])
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
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

var (
	location = regexp.MustCompile(`^\s+([\w.]+_test\.go:\d+):\s*(.*)$`)
	chatter  = regexp.MustCompile(`^(=== |\s*--- |PASS$|FAIL|ok |exit status|testing: )`)
	label    = regexp.MustCompile(`^\s*\t(Error Trace|Error|Messages|Test):\s*\t(.*)$`)
	follows  = regexp.MustCompile(`^\s+\t {12}\t(.*)$`)
)

// assertion returns where an assertion of testify failed, its error without the diff,
// and its messages.
func assertion(report []string) string {
	lines := []string{"at " + filepath.Base(strings.TrimSpace(report[0]))}
	part := ""
	for _, line := range report {
		if match := label.FindStringSubmatch(line); match != nil {
			part, line = match[1], match[2]
		} else if match := follows.FindStringSubmatch(line); match != nil {
			line = match[1]
		} else {
			break // what follows is no part of it
		}
		if strings.HasPrefix(line, "Diff:") {
			part = "Diff"
		}
		if line = strings.TrimSpace(line); line != "" && (part == "Error" || part == "Messages") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

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

// indent puts two spaces before each line.
func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
