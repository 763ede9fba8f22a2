package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutant is a mistake that somebody could make in a chapter.
type Mutant struct {
	Name     string
	File     string
	Old, New string // Old is in the file once, and New stands there instead
	Run      string // the tests that should see it, as -run has it
}

// mutated returns the file of the mutant, with the mistake.
func (m Mutant) mutated(folder string) (string, error) {
	content, err := os.ReadFile(filepath.Join(folder, m.File))
	if err != nil {
		return "", fmt.Errorf("mutant %q: %w", m.Name, err)
	}
	if count := strings.Count(string(content), m.Old); count != 1 || m.Old == m.New {
		return "", fmt.Errorf("mutant %q: its old text is %d times in %s", m.Name, count, m.File)
	}
	return strings.Replace(string(content), m.Old, m.New, 1), nil
}

// Verdict is what became of a mutant.
type Verdict struct {
	Mutant  Mutant
	Killer  string // the test that has seen it, or ""
	Skipped bool   // none of the tests can run here
}

func (v Verdict) String() string {
	switch {
	case v.Killer != "":
		return fmt.Sprintf("%s: killed by %s", v.Mutant.Name, v.Killer)
	case v.Skipped:
		return v.Mutant.Name + ": skipped, as its tests are on this machine"
	default:
		return v.Mutant.Name + ": SURVIVED " + v.Mutant.Run
	}
}
