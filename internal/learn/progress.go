package learn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"mytinydocker/internal/testbed/chapters"
)

// progress is what the workshop remembers of a learner.
type progress struct {
	Current  string // folder of the chapter that is being worked on
	Chapters map[string]*record
}

// record is what is remembered of one chapter.
type record struct {
	Step    int         // the first that is not done; one more than there are, when all are
	Passed  []int       // the steps whose tests passed when they were last asked
	Hints   map[int]int // how many hints have been unfolded for a step
	Failing []string    // tests of the chapter that have failed when every step was done
}

func (w Workshop) progressFile() string { return filepath.Join(w.Root, work, "progress.json") }

// load returns what is remembered: nothing, where nobody has started yet.
func (w Workshop) load() (*progress, error) {
	p := &progress{Chapters: make(map[string]*record)}
	content, err := os.ReadFile(w.progressFile())
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, p); err != nil {
		return nil, fmt.Errorf("read %s: %w (remove it, and learn:check fills it again)", w.progressFile(), err)
	}
	if p.Chapters == nil {
		p.Chapters = make(map[string]*record)
	}
	return p, nil
}

// update changes what is remembered, at once or not at all.
func (w Workshop) update(change func(*progress)) error {
	p, err := w.load()
	if err != nil {
		return err
	}
	change(p)
	content, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(w.progressFile()), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(w.progressFile(), append(content, '\n'), 0o644)
}

// of returns the record of a chapter, and makes it if there is none.
func (p *progress) of(chapter string) *record {
	if p.Chapters[chapter] == nil {
		p.Chapters[chapter] = &record{Step: 1}
	}
	r := p.Chapters[chapter]
	if r.Hints == nil {
		r.Hints = make(map[int]int)
	}
	return r
}

// current returns the chapter that is being worked on, its steps, and its record.
func (w Workshop) current() (string, []chapters.Step, *record, error) {
	p, err := w.load()
	if err != nil {
		return "", nil, nil, err
	}
	if p.Current == "" {
		return "", nil, nil, errors.New("no chapter has been started: go tool mage learn:start 1")
	}
	if _, err := os.Stat(w.folder(p.Current)); err != nil {
		return "", nil, nil, fmt.Errorf("%s/%s is not there: go tool mage learn:start %d lays it out", work, p.Current, numberOf(p.Current))
	}
	steps, err := chapters.Steps(w.Root, p.Current)
	return p.Current, steps, p.of(p.Current), err
}
