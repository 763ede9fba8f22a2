package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cat copies files to standard output.
func cat(args []string) error {
	flags := newFlags("cat")
	flags.BoolP("unbuffered", "u", false, "as it always is")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	operands := flags.Args()
	if len(operands) == 0 {
		operands = []string{"-"}
	}
	return each("cat", operands, func(path string) error {
		return withInput(path, func(in io.Reader) error {
			_, err := io.Copy(os.Stdout, in)
			return err
		})
	})
}

func rm(args []string) error {
	flags := newFlags("rm")
	recursive := flags.BoolP("recursive", "r", false, "folders and all in them")
	other := flags.BoolP("Recursive", "R", false, "folders and all in them")
	force := flags.BoolP("force", "f", false, "what does not exist is no error")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	if flags.NArg() == 0 && !*force {
		return failure{2, errors.New("missing operand")}
	}
	return each("rm", flags.Args(), func(path string) error {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) && *force {
			return nil
		}
		switch {
		case err != nil:
			return err
		case *recursive || *other:
			return os.RemoveAll(path)
		case info.IsDir():
			return fmt.Errorf("%s is a folder: use -r", path)
		default:
			return os.Remove(path)
		}
	})
}

func chmod(args []string) error {
	recursive := false
	// Modes such as -x look like flags.
	if len(args) > 1 && args[1] == "-R" {
		recursive, args = true, args[1:]
	}
	if len(args) < 3 {
		return failure{2, errors.New("give a mode and files")}
	}
	change, err := modeChange(args[1])
	if err != nil {
		return failure{2, err}
	}
	return each("chmod", args[2:], func(path string) error {
		if !recursive {
			return change(path)
		}
		return filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.Type()&fs.ModeSymlink != 0 {
				return err
			}
			return change(path)
		})
	})
}

// modeChange parses an octal mode, or symbolic ones such as u+x,go-w.
func modeChange(text string) (func(path string) error, error) {
	octal, err := strconv.ParseUint(text, 8, 12)
	if err == nil {
		return func(path string) error { return chmodTo(path, uint32(octal)) }, nil
	}
	clauses := strings.Split(text, ",")
	for _, clause := range clauses {
		if _, err := applyClause(clause, 0, false); err != nil {
			return nil, fmt.Errorf("%q is not a mode", text)
		}
	}
	return func(path string) error {
		var stat unix.Stat_t
		if err := unix.Stat(path, &stat); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		mode := stat.Mode & 0o7777
		for _, clause := range clauses {
			mode, _ = applyClause(clause, mode, stat.Mode&unix.S_IFMT == unix.S_IFDIR)
		}
		return chmodTo(path, mode)
	}, nil
}

func chmodTo(path string, mode uint32) error {
	if err := unix.Chmod(path, mode); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// applyClause applies one clause, such as go-w, to a mode, as chmod(1) says.
func applyClause(clause string, mode uint32, folder bool) (uint32, error) {
	place := strings.IndexAny(clause, "+-=")
	if place < 0 {
		return 0, errors.New("no operator")
	}
	who, operator := uint32(0), clause[place]
	for _, letter := range clause[:place] {
		mask, ok := map[rune]uint32{'u': 0o4700, 'g': 0o2070, 'o': 0o1007, 'a': 0o7777}[letter]
		if !ok {
			return 0, errors.New("unknown class")
		}
		who |= mask
	}
	if place == 0 {
		who = 0o7777
	}
	bits := uint32(0)
	for _, letter := range clause[place+1:] {
		mask, ok := map[rune]uint32{'r': 0o444, 'w': 0o222, 'x': 0o111, 's': 0o6000, 't': 0o1000, 'X': 0}[letter]
		if !ok {
			return 0, errors.New("unknown permission")
		}
		if letter == 'X' && (folder || mode&0o111 != 0) {
			mask = 0o111
		}
		bits |= mask
	}
	switch operator {
	case '+':
		return mode | bits&who, nil
	case '-':
		return mode &^ (bits & who), nil
	default:
		return mode&^who | bits&who, nil
	}
}
