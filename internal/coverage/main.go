// Command coverage prints how much of each package a coverage profile has seen executed,
// and fails if that is too little of one.
package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// wanted is how many of a hundred statements of a package are to be executed.
const wanted = 85

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: coverage PROFILE")
		os.Exit(2)
	}
	profile, err := os.Open(os.Args[1])
	if err == nil {
		var enough bool
		if enough, err = report(profile, os.Stdout); err == nil && !enough {
			err = fmt.Errorf("less than %d%% of a package is executed by its tests", wanted)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

// share is how many statements there are, and how many of them were executed.
type share struct{ all, executed int }

func (s share) percent() float64 { return 100 * float64(s.executed) / float64(max(s.all, 1)) }

// report prints a line for each package and one for all, and reports whether each has
// enough.
func report(profile io.Reader, out io.Writer) (enough bool, err error) {
	packages, err := read(profile)
	if err != nil {
		return false, err
	}
	enough = true
	var total share
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		found := packages[name]
		fmt.Fprintf(out, "%5.1f%%  %s\n", found.percent(), name)
		total.all, total.executed = total.all+found.all, total.executed+found.executed
		enough = enough && found.percent() >= wanted
	}
	fmt.Fprintf(out, "%5.1f%%  all\n", total.percent())
	return enough, nil
}

// read counts the statements of each package. In a profile a line is a block, as
// FILE:BEGIN,END STATEMENTS COUNT, and several may be about the same block: it was
// executed if one of them says so.
func read(profile io.Reader) (map[string]share, error) {
	statements, executed := make(map[string]int), make(map[string]bool)
	lines := bufio.NewScanner(profile)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 3 {
			continue // the mode
		}
		number, err := strconv.Atoi(words[1])
		if err != nil {
			return nil, fmt.Errorf("understand the profile: %w", err)
		}
		statements[words[0]] = number
		executed[words[0]] = executed[words[0]] || words[2] != "0"
	}
	packages := make(map[string]share)
	for block, number := range statements {
		file, _, _ := strings.Cut(block, ":")
		found := packages[path.Dir(file)]
		found.all += number
		if executed[block] {
			found.executed += number
		}
		packages[path.Dir(file)] = found
	}
	return packages, lines.Err()
}
