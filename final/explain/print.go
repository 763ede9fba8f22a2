package explain

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// Printer returns a Log that prints each step to out as a line of a POSIX shell,
// under a comment that names its lesson wherever that changes. An id, which is in
// every path and too long to be read, is given a name once. The Log may be used by
// several goroutines at once.
func Printer(out io.Writer) Log {
	var mutex sync.Mutex
	last := Lesson(-1)
	names := make(map[string]string)
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
		for _, word := range append(step.Command, step.Into) {
			nameIDs(out, word, names)
		}
		fmt.Fprintln(out, step.line(names))
	}
}

// longID is the id of a container or the digest of a layer.
var longID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(sha256[/:])?\b[0-9a-f]{64}\b`) })

// nameIDs gives names to the ids in a word that have none yet: ID, ID2 and so on, and
// those of layers LAYER, LAYER2.
func nameIDs(out io.Writer, word string, names map[string]string) {
	for _, found := range longID().FindAllString(word, -1) {
		id, kind := found[len(found)-64:], "ID"
		if len(found) > 64 {
			kind = "LAYER"
		}
		if names[id] != "" {
			continue
		}
		names[id] = kind
		for number := 2; taken(names, id); number++ {
			names[id] = fmt.Sprint(kind, number)
		}
		fmt.Fprintf(out, "%s=%s\n", names[id], id)
	}
}

func taken(names map[string]string, id string) bool {
	for other, name := range names {
		if other != id && name == names[id] {
			return true
		}
	}
	return false
}

// String returns the step as a command line.
func (s Step) String() string { return s.line(nil) }

// line returns the step as a command line in which ids have names.
func (s Step) line(names map[string]string) string {
	words := make([]string, 0, len(s.Command)+2)
	for _, word := range s.Command {
		words = append(words, quoteBetween(word, names))
	}
	if s.Into != "" {
		words = append(words, ">", quoteBetween(s.Into, names))
	}
	return strings.Join(words, " ")
}

// quoteBetween makes one word of a shell of text, in which ids are replaced by their
// names.
func quoteBetween(text string, names map[string]string) string {
	for id, name := range names {
		before, after, found := strings.Cut(text, id)
		if !found {
			continue
		}
		line := "$" + name
		if before != "" {
			line = quoteBetween(before, names) + line
		}
		if after == "" {
			return line
		}
		if nameByte(after[0]) {
			line += "''" // or else it would be more of the name
		}
		return line + quoteBetween(after, names)
	}
	return quote(text)
}

func nameByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
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
