package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"mytinydocker/final/fault"
	"mytinydocker/final/storage"
)

// Check looks for volumes without a record or without data, and for what is left of
// volumes whose maker or remover has died.
func (s *Store) Check() ([]fault.Fault, error) {
	entries, err := os.ReadDir(s.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the volumes: %w", err)
	}
	var faults []fault.Fault
	for _, entry := range entries {
		name := entry.Name()
		_, left := leftover(name)
		switch {
		case left:
			if s.isOld(name) {
				faults = append(faults, fault.Fault{
					What:   fmt.Sprintf("the folder %s is left of a volume", s.path(name)),
					Repair: func() error { return storage.RemoveAll(s.path(name)) },
				})
			}
		case strings.HasPrefix(name, "."):
		case !entry.IsDir() || checkName(name) != nil:
			faults = append(faults, fault.Fault{What: fmt.Sprintf("%s is no volume: remove it, or put it elsewhere", s.path(name))})
		default:
			faults = append(faults, s.checkVolume(name)...)
		}
	}
	return faults, nil
}

func (s *Store) checkVolume(name string) (faults []fault.Fault) {
	info, err := os.Lstat(s.Path(name))
	_, found := s.Find(name)
	if errors.Is(found, ErrNotFound) {
		return nil // it has just been removed
	}
	if errors.Is(found, ErrDamaged) {
		faults = append(faults, fault.Fault{What: found.Error(), Repair: func() error { return s.mendRecord(name) }})
	}
	if errors.Is(err, fs.ErrNotExist) {
		faults = append(faults, fault.Fault{
			What:   fmt.Sprintf("the volume %s has no folder for its data", name),
			Repair: func() error { return os.Mkdir(s.Path(name), 0o755) },
		})
	} else if err == nil && !info.IsDir() {
		faults = append(faults, fault.Fault{What: fmt.Sprintf("the data of the volume %s, %s, is no folder: look at it", name, s.Path(name))})
	}
	return faults
}

// mendRecord gives a volume that has lost its record another one. What is lost is when
// it was made, and its labels; nobody removes it for having no name.
func (s *Store) mendRecord(name string) error {
	unlock, err := s.lock(name)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := s.Find(name); !errors.Is(err, ErrDamaged) {
		return err // somebody has just done so
	}
	if err := os.RemoveAll(s.path(name, "volume.json")); err != nil {
		return err
	}
	return writeRecord(s.path(name), &Volume{Name: name, Created: time.Now().UTC()})
}
