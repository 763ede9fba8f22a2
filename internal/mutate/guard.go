package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Guard is something that keeps a way out of a container shut, and the exhibit of the
// museum that tries that way. Where one guard stands behind another, the edits take out
// both, and a comment says why.
type Guard struct {
	Name    string
	Exhibit string // a test of final/museum
	Edits   []Edit // that take it out of tinydocker; the files are named from the repository's root
}

func (g Guard) mutant() Mutant { return Mutant{Name: g.Name, Run: g.Exhibit} }

// museum has the guards in the order of the museum's page.
var museum = slices.Concat(museumSetUp, museumBorrowed, museumPaths, museumImages, museumKernel, museumRights, museumOutside)

// chosenGuards are those whose name or exhibit matches a regular expression.
func chosenGuards(guards []Guard, pattern string) (chosen []Guard, err error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	for _, guard := range guards {
		if expression.MatchString(guard.Name) || expression.MatchString(guard.Exhibit) {
			chosen = append(chosen, guard)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no guard and no exhibit matches %q", pattern)
	}
	return chosen, nil
}

// wantAll prints how many guards have been missed, and fails if one has not.
func wantAll(verdicts []Verdict) error {
	var survivors []string
	killed, skipped := 0, 0
	for _, verdict := range verdicts {
		switch {
		case verdict.Skipped:
			skipped++
		case verdict.Killer == "":
			survivors = append(survivors, verdict.Mutant.Name)
		default:
			killed++
		}
	}
	fmt.Printf("%d guards, %d killed, %d skipped\n", len(verdicts), killed, skipped)
	if len(survivors) > 0 {
		return fmt.Errorf("the museum does not miss these: %s", strings.Join(survivors, "; "))
	}
	return nil
}

// hostIsWell reports what a broken program has done to the file that everybody uses: it
// has happened that it got another owner.
func hostIsWell() error { return isNull("/dev/null") }

func isNull(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	if stat.Mode != unix.S_IFCHR|0o666 || stat.Uid != 0 || stat.Gid != 0 || stat.Rdev != unix.Mkdev(1, 3) {
		return errors.New(path + " is no longer crw-rw-rw- of root, 1:3: mend it before you go on")
	}
	return nil
}
