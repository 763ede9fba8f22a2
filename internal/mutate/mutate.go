// Command mutate shows that tests can fail: it breaks one thing at a time, a mutant, and
// runs the tests that should see it.
//
//	mutate [CHAPTER]
//	mutate museum [-v] [PATTERN]
//
// Nothing of the tree is changed. For the chapters, it fails if fewer than nine in ten are
// seen. For the museum, what it breaks are guards of tinydocker; it fails if the exhibit
// of one still passes, and runs the broken programs in a cell (cell.go). PATTERN is about
// the names of guards and exhibits; -v shows what the exhibits print.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

// wanted is how many mutants of a hundred have to die.
const wanted = 90

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) > 2 && arguments[0] == cellRole:
		return enterCell(arguments[1], arguments[2:])
	case len(arguments) > 0 && arguments[0] == "museum":
		return runMuseum(arguments[1:])
	default:
		return runChapters(arguments)
	}
}

func runMuseum(arguments []string) error {
	shown := io.Discard
	if len(arguments) > 0 && arguments[0] == "-v" {
		shown, arguments = os.Stdout, arguments[1:]
	}
	guards, err := chosenGuards(museum, strings.Join(arguments, " "))
	if err != nil {
		return err
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	verdicts, err := tryGuards(root, guards, shown, func(v Verdict) { fmt.Println(v) })
	if err != nil {
		return err
	}
	return wantAll(verdicts)
}

func runChapters(arguments []string) error {
	first, last := 1, len(chapters.All)
	if len(arguments) > 0 {
		number, err := strconv.Atoi(arguments[0])
		if err != nil || number < first || number > last {
			return fmt.Errorf("chapter %q: want a number from 1 to %d", arguments[0], last)
		}
		first, last = number, number
	}
	var all []Verdict
	for number := first; number <= last; number++ {
		folder, err := filepath.Abs(chapters.All[number-1].Folder)
		if err != nil {
			return err
		}
		fmt.Printf("chapter %d\n", number)
		verdicts, err := tryAll(folder, table[number-1], func(v Verdict) { fmt.Println("  " + v.String()) })
		if err != nil {
			return err
		}
		all = append(all, verdicts...)
	}
	return summarize(all)
}

// summarize prints how many have been seen, and the names of the others once more.
// What this machine cannot test is not counted.
func summarize(verdicts []Verdict) error {
	verdicts = slices.DeleteFunc(verdicts, func(v Verdict) bool { return v.Skipped })
	var survivors []string
	for _, verdict := range verdicts {
		if verdict.Killer == "" {
			survivors = append(survivors, verdict.Mutant.Name)
		}
	}
	killed := len(verdicts) - len(survivors)
	fmt.Printf("%d of %d mutants killed\n", killed, len(verdicts))
	if 100*killed < wanted*len(verdicts) || len(verdicts) == 0 {
		return fmt.Errorf("want %d of 100; these live: %s", wanted, strings.Join(survivors, "; "))
	}
	return nil
}
