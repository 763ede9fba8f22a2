package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mytinydocker/final/cgroup"
)

// Fault is something that is not as it should be.
type Fault struct {
	What string
	// repair mends it, and is nil for what only its owner can decide.
	repair func() error
}

// CanRepair reports whether Repair knows what to do.
func (f Fault) CanRepair() bool { return f.repair != nil }

// Repair mends it.
func (f Fault) Repair() error { return f.repair() }

// Check looks for everything that is inconsistent: records that cannot be read, names
// of nobody, folders and cgroups of containers that there are no more. What a killed
// command has left is found and removed by every command; this finds the rest.
func (e *Engine) Check() ([]Fault, error) {
	ids, err := e.ids()
	if err != nil {
		return nil, err
	}
	var faults []Fault
	for _, find := range []func([]string) ([]Fault, error){e.checkRecords, e.checkNames, e.checkRunFolders, e.checkCgroups, e.checkUsers} {
		found, err := find(ids)
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

func (e *Engine) checkRecords(ids []string) (faults []Fault, err error) {
	for _, id := range ids {
		if !validID(id) {
			faults = append(faults, Fault{What: fmt.Sprintf("%s is no folder of a container: remove it, or put it elsewhere", e.folder(id))})
			continue
		}
		watched, err := e.isLocked(id)
		if err != nil {
			return nil, err
		}
		record, err := e.readRecord(id)
		switch {
		case watched:
		case errors.Is(err, fs.ErrNotExist):
			faults = append(faults, Fault{fmt.Sprintf("the container %.12s has no record: its making was not finished", id), e.repairByRemoval(id)})
		case err != nil:
			faults = append(faults, Fault{What: fmt.Sprintf("%v: look at it, and remove it (tinydocker rm %.12s)", err, id)})
		default:
			faults = append(faults, e.checkRecord(record)...)
		}
	}
	return faults, nil
}

func (e *Engine) repairByRemoval(id string) func() error {
	return func() error {
		_, err := e.removeAtRest(id)
		return err
	}
}

// checkRecord looks at what a container needs.
func (e *Engine) checkRecord(record *Record) (faults []Fault) {
	for _, layer := range e.layerFolders(record) {
		if info, err := os.Stat(layer); err != nil || !info.IsDir() {
			faults = append(faults, Fault{What: fmt.Sprintf("the container %s lacks the layer %s of its image: it cannot be started", record.Name, filepath.Base(layer))})
		}
	}
	for _, name := range []string{"upper", "work", "merged"} {
		folder := filepath.Join(e.folder(record.ID), name)
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			faults = append(faults, Fault{What: fmt.Sprintf("the container %s lacks its folder %s: it cannot be started", record.Name, folder)})
		}
	}
	if holder, err := e.nameHolder(record.Name); err != nil || holder != record.ID {
		faults = append(faults, Fault{fmt.Sprintf("the container %s does not have its name", record.ShortID()), func() error { return e.claimName(record) }})
	}
	return faults
}

func (e *Engine) checkNames(ids []string) (faults []Fault, err error) {
	names, err := os.ReadDir(filepath.Join(e.root, "names"))
	if err != nil {
		return nil, err
	}
	for _, entry := range names {
		path := e.namePath(entry.Name())
		remove := func() error { return os.Remove(path) }
		holder, err := e.nameHolder(entry.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			faults = append(faults, Fault{fmt.Sprintf("the name %q is damaged", entry.Name()), remove})
		case !slices.Contains(ids, holder):
			faults = append(faults, Fault{fmt.Sprintf("the name %q is that of a container that there is no more", entry.Name()), remove})
		}
	}
	return faults, nil
}

func (e *Engine) checkRunFolders(ids []string) (faults []Fault, err error) {
	entries, err := os.ReadDir(filepath.Join(e.run, "containers"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		watched, err := e.isLocked(entry.Name())
		if err != nil {
			return nil, err
		}
		if !watched && !slices.Contains(ids, entry.Name()) {
			faults = append(faults, Fault{fmt.Sprintf("the folder %s is left over", e.runFolder(entry.Name())), func() error { return e.tidyContainer(entry.Name()) }})
		}
	}
	return faults, nil
}

// checkCgroups finds cgroups of our containers that nobody watches.
func (e *Engine) checkCgroups(ids []string) (faults []Fault, err error) {
	for _, id := range ids {
		watched, err := e.isLocked(id)
		if err != nil {
			return nil, err
		}
		if watched || !validID(id) {
			continue
		}
		group, err := cgroup.Open(cgroupName(id))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		faults = append(faults, Fault{fmt.Sprintf("the container %.12s has a cgroup and does not run", id), func() error { return errors.Join(group.Kill(), group.Remove()) }})
	}
	return faults, nil
}
