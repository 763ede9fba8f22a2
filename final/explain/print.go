package explain

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// Printer returns a Log that prints each step to out as a line of a POSIX shell,
// under a comment that names its lesson wherever that changes. It may be used by
// several goroutines at once.
func Printer(out io.Writer) Log {
	var mutex sync.Mutex
	last := Lesson(-1)
	return func(step Step) {
		mutex.Lock()
		defer mutex.Unlock()
		if step.Lesson != last {
			if last >= 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "# %s\n", step.Lesson)
			last = step.Lesson
		}
		fmt.Fprintln(out, step)
	}
}

// String returns the step as a command line.
func (s Step) String() string {
	words := make([]string, 0, len(s.Command)+2)
	for _, word := range s.Command {
		words = append(words, quote(word))
	}
	if s.Into != "" {
		words = append(words, ">", quote(s.Into))
	}
	return strings.Join(words, " ")
}

// plain are the characters that mean nothing to a shell inside the words of a
// command.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+@%-"

// quote makes one word of a shell of text. What a shell cannot have in a word, a
// zero byte, no command could be given either.
func quote(text string) string {
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	quoted, err := syntax.Quote(strings.ReplaceAll(text, "\x00", ""), syntax.LangBash)
	if err != nil {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return quoted
}
