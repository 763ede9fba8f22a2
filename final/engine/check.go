package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/fault"
	"mytinydocker/final/storage"
)

// Fault is something that is not as it should be.
type Fault = fault.Fault

// Check looks for everything that is inconsistent: records that cannot be read, names
// of nobody, folders, mounts and cgroups of containers that there are no more, and what
// is wrong with images, volumes and networks. What a killed command has left is found
// and removed by every command; this finds the rest, and what those could not remove.
func (e *Engine) Check() ([]Fault, error) {
	ids, err := e.ids()
	if err != nil {
		return nil, err
	}
	var faults []Fault
	// Mounts first: without them, what follows can be removed.
	for _, find := range []func([]string) ([]Fault, error){
		e.checkMounts, e.checkTidy, e.checkForeign, e.checkRecords, e.checkNames, e.checkRunFolders, e.checkCgroups, e.checkUsers, e.checkOthers,
	} {
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
		watched, err := e.isLocked(id)
		if err != nil {
			return nil, err
		}
		record, err := e.readRecord(id)
		switch {
		case watched && err == nil:
			faults = append(faults, e.checkState(record)...)
		case watched && errors.Is(err, fs.ErrNotExist): // it is just being made
		case errors.Is(err, fs.ErrNotExist):
			faults = append(faults, Fault{What: fmt.Sprintf("the container %.12s has no record: its making was not finished", id), Repair: e.repairByRemoval(id)})
		case err != nil:
			faults = append(faults, Fault{What: fmt.Sprintf("%v: look at it, and remove it (tinydocker rm %.12s)", err, id)})
		case record.Removing: // it is half gone, and checkTidy has said why
		default:
			faults = append(faults, e.checkRecord(record)...)
		}
	}
	return faults, nil
}

// checkTidy tells what this very command has found left behind and could not remove.
func (e *Engine) checkTidy([]string) (faults []Fault, err error) {
	again := func() error {
		untidy, err := e.tidy()
		return errors.Join(append(untidy, err)...)
	}
	for _, err := range e.untidy {
		faults = append(faults, Fault{What: fmt.Sprintf("what is left of a command that was killed stays: %v", err), Repair: again})
	}
	return faults, nil
}

// checkState looks at what is written down of a container that runs.
func (e *Engine) checkState(record *Record) []Fault {
	if _, err := e.readState(record.ID); errors.Is(err, errDamagedState) {
		return []Fault{{What: fmt.Sprintf("the container %s: %v: stop and start it", record.Name, err)}}
	}
	return nil
}

// checkForeign finds what is where only containers are, and is none.
func (e *Engine) checkForeign([]string) (faults []Fault, err error) {
	entries, err := os.ReadDir(filepath.Join(e.root, "containers"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !entry.IsDir() || !validID(entry.Name()) {
			faults = append(faults, Fault{What: fmt.Sprintf("%s is no folder of a container: remove it, or put it elsewhere", e.folder(entry.Name()))})
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
		faults = append(faults, Fault{What: fmt.Sprintf("the container %s does not have its name", record.ShortID()), Repair: func() error { return e.claimName(record) }})
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
			faults = append(faults, Fault{What: fmt.Sprintf("the name %q is damaged", entry.Name()), Repair: remove})
		case !slices.Contains(ids, holder):
			faults = append(faults, Fault{What: fmt.Sprintf("the name %q is that of a container that there is no more", entry.Name()), Repair: remove})
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
		if !validID(entry.Name()) {
			path := e.runFolder(entry.Name())
			faults = append(faults, Fault{What: fmt.Sprintf("%s is no folder of a container", path), Repair: func() error { return storage.RemoveAll(path) }})
			continue
		}
		watched, err := e.isLocked(entry.Name())
		if err != nil {
			return nil, err
		}
		if !watched && !slices.Contains(ids, entry.Name()) {
			faults = append(faults, Fault{What: fmt.Sprintf("the folder %s is left over", e.runFolder(entry.Name())), Repair: func() error { return e.tidyContainer(entry.Name()) }})
		}
	}
	return faults, nil
}

// checkCgroups finds cgroups of our containers that nobody watches, and empty ones of
// containers that there are no more. Those are perhaps another root's: what is young may
// just be about to get its first process.
func (e *Engine) checkCgroups(ids []string) (faults []Fault, err error) {
	for _, id := range ids {
		watched, err := e.isLocked(id)
		if err != nil {
			return nil, err
		}
		if watched {
			continue
		}
		group, err := cgroup.Open(cgroupName(id))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		faults = append(faults, Fault{What: fmt.Sprintf("the container %.12s has a cgroup and does not run", id), Repair: func() error { return errors.Join(group.Kill(), group.Remove()) }})
	}
	empty, err := cgroup.Empty(cgroupName(""), time.Minute)
	if err != nil {
		return nil, err
	}
	for _, id := range empty {
		if !validID(id) || slices.Contains(ids, id) {
			continue
		}
		faults = append(faults, Fault{What: fmt.Sprintf("the cgroup of the container %.12s is left over", id), Repair: func() error {
			group, err := cgroup.Open(cgroupName(id))
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			return group.Remove()
		}})
	}
	return faults, nil
}
