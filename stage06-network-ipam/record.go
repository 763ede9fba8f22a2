package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Record is what is written down of a container, as ROOT/containers/NAME/record.json.
// It says how to find the container's processes, and what its end was. Whether it
// runs is not in it: only the kernel knows.
type Record struct {
	Name          string
	Image         string
	Command       []string
	Created       time.Time
	StorageDriver string
	Layer         string   // of the image, which a commit needs again
	Cgroups       []string // folders
	Endpoint      *Endpoint
	Process       Process // the container's first
	Monitor       Process // of ours: it waits for the container's end, and cleans up
	ExitCode      *int    // nil as long as no monitor has seen the end
}

// newRecord returns the record of a container of ours, whose first process has just
// been born.
func newRecord(c *Container, pid int) (*Record, error) {
	process, err := processOf(pid)
	if err != nil {
		return nil, err
	}
	monitor, err := processOf(os.Getpid())
	if err != nil {
		return nil, err
	}
	return &Record{
		Name:          c.rootfs.name,
		Image:         c.options.Image,
		Command:       c.options.Command,
		Created:       time.Now(),
		StorageDriver: c.options.StorageDriver,
		Layer:         c.rootfs.layer,
		Cgroups:       c.cgroup.folders,
		Endpoint:      c.endpoint,
		Process:       process,
		Monitor:       monitor,
	}, nil
}

func recordFile(root, name string) string {
	return filepath.Join(root, "containers", name, "record.json")
}

// save writes the record down, at once or not at all.
func (r *Record) save(root string) error {
	err := replaceFile(recordFile(root, r.Name), func(file io.Writer) error { return json.NewEncoder(file).Encode(r) })
	if err != nil {
		return fmt.Errorf("write down the container %s: %w", r.Name, err)
	}
	return nil
}

// errDamaged is the error of a container of which no whole record is there: one that
// is being made, or was when its program was killed, or that somebody has changed.
var errDamaged = errors.New("its record is damaged; rm -f removes it")

// loadRecord reads the record of a container. That there is no such container, because
// it has no folder, is one error. That there is no whole record in it is another, and
// wraps errDamaged: the file is missing, is no JSON, has another name in it, or lacks
// the number of one of the two processes. It trusts no part of such a record.
//
//learn:exercise
func loadRecord(root, name string) (*Record, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Dir(recordFile(root, name))); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no such container: %s", name)
	}
	content, err := os.ReadFile(recordFile(root, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the record of the container %s: %w", name, err)
	}
	record := &Record{}
	if json.Unmarshal(content, record) != nil || record.Name != name || record.Process.PID <= 0 || record.Monitor.PID <= 0 {
		return nil, fmt.Errorf("the container %s: %w", name, errDamaged)
	}
	return record, nil
}

// open returns a descriptor of the container's first process, or an error if it has
// ended.
func (r *Record) open() (*os.File, error) {
	process, err := r.Process.open()
	if errors.Is(err, errEnded) {
		return nil, fmt.Errorf("the container %s is not running", r.Name)
	}
	return process, err
}

// status says in what state the container is.
func (r *Record) status(root string) (string, error) {
	if r.ExitCode != nil {
		return fmt.Sprintf("Exited (%d)", *r.ExitCode), nil
	}
	running, err := r.Process.alive()
	if running || err != nil {
		return "Up", err
	}
	if cleaning, err := r.Monitor.alive(); cleaning || err != nil {
		return "Ending", err
	}
	// The monitor may have written it down since we have read it.
	last, err := loadRecord(root, r.Name)
	if err == nil && last.ExitCode != nil {
		return last.status(root)
	}
	return "Exited", nil
}
