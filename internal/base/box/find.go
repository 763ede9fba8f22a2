package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// finder is an expression of find: all of its tests must hold.
type finder struct {
	tests   []func(path string, entry fs.DirEntry) bool
	do      func(path string) error
	deepest int // folders below this depth are not entered; -1: all are
	least   int
}

// find looks for files: find [FOLDER...] [-name|-iname|-path PATTERN] [-type f|d|l|...]
// [-maxdepth N] [-mindepth N] [-print0|-delete|-exec COMMAND {} ;].
func find(args []string) error {
	folders := args[1:1]
	rest := args[1:]
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && rest[0] != "!" {
		folders, rest = append(folders, rest[0]), rest[1:]
	}
	if len(folders) == 0 {
		folders = []string{"."}
	}
	f := &finder{deepest: -1, do: func(path string) error { _, err := fmt.Fprintln(out, path); return err }}
	if err := f.parse(rest); err != nil {
		return failure{2, err}
	}
	return each("find", folders, f.walk)
}

func (f *finder) parse(words []string) error {
	not := false
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch word {
		case "!", "-not":
			not = true
			continue
		case "-print", "-a", "-and":
			continue
		case "-print0":
			f.do = func(path string) error { _, err := fmt.Fprint(out, path+"\x00"); return err }
			continue
		case "-delete":
			f.do = os.Remove
			continue
		}
		if len(words) == 0 {
			return fmt.Errorf("%s needs a value", word)
		}
		if word == "-exec" {
			var err error
			if words, err = f.exec(words); err != nil {
				return err
			}
			continue
		}
		if err := f.test(word, words[0], not); err != nil {
			return err
		}
		words, not = words[1:], false
	}
	return nil
}

// test adds a test, or its opposite.
func (f *finder) test(word, value string, not bool) error {
	var holds func(path string, entry fs.DirEntry) bool
	match := func(text string) bool { matched, err := filepath.Match(value, text); return err == nil && matched }
	switch word {
	case "-name":
		holds = func(_ string, entry fs.DirEntry) bool { return match(entry.Name()) }
	case "-iname":
		value = strings.ToLower(value)
		holds = func(_ string, entry fs.DirEntry) bool { return match(strings.ToLower(entry.Name())) }
	case "-path":
		holds = func(path string, _ fs.DirEntry) bool { return match(path) }
	case "-type":
		kinds := map[string]fs.FileMode{
			"f": 0, "d": fs.ModeDir, "l": fs.ModeSymlink, "p": fs.ModeNamedPipe, "s": fs.ModeSocket, "b": fs.ModeDevice,
			"c": fs.ModeDevice | fs.ModeCharDevice,
		}
		kind, known := kinds[value]
		if !known {
			return fmt.Errorf("unknown type %q", value)
		}
		holds = func(_ string, entry fs.DirEntry) bool { return entry.Type() == kind }
	case "-maxdepth", "-mindepth":
		depth, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a depth", value)
		}
		if word == "-maxdepth" {
			f.deepest = depth
		} else {
			f.least = depth
		}
		return nil
	default:
		return fmt.Errorf("unknown test %s", word)
	}
	f.tests = append(f.tests, func(path string, entry fs.DirEntry) bool { return holds(path, entry) != not })
	return nil
}

// exec takes a command up to ";" or "+" and returns the words behind it.
func (f *finder) exec(words []string) ([]string, error) {
	for end, word := range words {
		if word != ";" && word != "+" {
			continue
		}
		command := words[:end]
		if len(command) == 0 {
			break
		}
		f.do = func(path string) error {
			var filled []string
			for _, word := range command {
				filled = append(filled, strings.ReplaceAll(word, "{}", path))
			}
			program := exec.Command(filled[0], filled[1:]...)
			program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
			if err := program.Run(); !errors.As(err, new(*exec.ExitError)) {
				return err
			}
			return nil
		}
		return words[end+1:], nil
	}
	return nil, errors.New("-exec needs a command and ;")
}

func (f *finder) walk(folder string) error {
	var matches []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		depth := 0
		if relative, err := filepath.Rel(folder, path); err == nil && relative != "." {
			depth = strings.Count(relative, "/") + 1
		}
		wanted := depth >= f.least
		for _, test := range f.tests {
			wanted = wanted && test(path, entry)
		}
		if wanted {
			shown := path
			if folder == "." && path != "." {
				shown = "./" + path
			}
			matches = append(matches, shown)
		}
		if f.deepest >= 0 && depth >= f.deepest && entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	for _, path := range matches {
		err = errors.Join(err, f.do(path))
	}
	return err
}
