// Command mutate shows that the tests of the chapters can fail: it breaks one thing
// at a time, a mutant, and runs the tests that should see it.
//
//	mutate [CHAPTER]
//
// Nothing of the tree is changed. It fails if fewer than nine in ten are seen.
package main

import (
	"fmt"
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
