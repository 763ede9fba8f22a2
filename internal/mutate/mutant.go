package main

import "fmt"

// Mutant is a mistake that somebody could make in a chapter.
type Mutant struct {
	Name     string
	File     string
	Old, New string // Old is in the file once, and New stands there instead
	Run      string // the tests that should see it, as -run has it
}

// mutated returns the file of the mutant, with the mistake, by its name.
func (m Mutant) mutated(folder string) (map[string]string, error) {
	if m.File == "" {
		return nil, nil
	}
	files, err := edited(folder, []Edit{{m.File, m.Old, m.New}})
	if err != nil {
		return nil, fmt.Errorf("mutant %q: %w", m.Name, err)
	}
	return files, nil
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
