package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mytinydocker/final/volume"
)

// The volumes without a name of a container that is being made are listed in its run
// folder before they are there, and until its record names them: whoever is killed in
// between leaves none that nobody knows of.
func (e *Engine) intendedVolumesPath(id string) string {
	return filepath.Join(e.runFolder(id), "volumes.json")
}

// intendVolumes names those volumes, which are then to be made.
func (e *Engine) intendVolumes(record *Record) (names []string, err error) {
	for index := range record.Mounts {
		mount := &record.Mounts[index]
		if mount.Kind == volume.Named && mount.Source == "" {
			mount.Source = volume.RandomName()
			names = append(names, mount.Source)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	if err := writeJSON(e.intendedVolumesPath(record.ID), names, false); err != nil {
		return nil, fmt.Errorf("note the volumes of the container %s: %w", record.ShortID(), err)
	}
	return names, nil
}

// forgetIntendedVolumes is for when a record names them.
func (e *Engine) forgetIntendedVolumes(id string) error {
	if err := os.Remove(e.intendedVolumesPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget what was to be made for the container %.12s: %w", id, err)
	}
	return nil
}

// removeIntendedVolumes removes those of a container that has no record.
func (e *Engine) removeIntendedVolumes(id string) error {
	var names []string
	err := readJSON(e.intendedVolumesPath(id), &names)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the volumes of a container that was not made: %w", err)
	}
	record := &Record{ID: id}
	for _, name := range names {
		record.Mounts = append(record.Mounts, volume.Mount{Kind: volume.Named, Source: name})
	}
	return e.removeAnonymous(record)
}
