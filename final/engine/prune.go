package engine

import (
	"errors"
	"fmt"
)

// Prune removes all containers that do not run and are wanted, and returns their ids
// and how many bytes of the disk that gives back.
func (e *Engine) Prune(wanted func(*Container) bool) (ids []string, freed int64, err error) {
	list, err := e.List()
	if err != nil {
		return nil, 0, err
	}
	for index := range list {
		container := &list[index]
		if container.Status != Exited && container.Status != Created || !wanted(container) {
			continue
		}
		size, err := e.Written(container.ID)
		if err != nil {
			return ids, freed, fmt.Errorf("measure the container %s: %w", container.Name, err)
		}
		removed, err := e.removeAtRest(container.ID)
		if err != nil {
			return ids, freed, err
		}
		if removed {
			ids, freed = append(ids, container.ID), freed+size
		}
	}
	return ids, freed, nil
}

// removeAtRest removes a container, unless it runs: somebody may just have started it.
func (e *Engine) removeAtRest(id string) (bool, error) {
	held, err := e.lockEnded(id)
	if errors.Is(err, errLocked) || errors.Is(err, errBusy) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer held.release()
	return true, e.removeLocked(id)
}
