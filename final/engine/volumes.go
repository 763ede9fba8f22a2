package engine

import (
	"fmt"

	"mytinydocker/final/volume"
)

// Volumes is the volumes of this engine's containers.
func (e *Engine) Volumes() *volume.Store { return e.volumes }

// volumeUsers returns the ids of the containers that have a volume mounted, whether
// they run or not.
func (e *Engine) volumeUsers(name string) ([]string, error) {
	users, err := e.usersOfVolumes()
	return users[name], err
}

// usersOfVolumes returns the ids of the containers that have a volume, by its name.
func (e *Engine) usersOfVolumes() (map[string][]string, error) {
	list, err := e.List()
	if err != nil {
		return nil, err
	}
	users := make(map[string][]string)
	for index := range list {
		if list[index].Status == Damaged {
			return nil, fmt.Errorf("the record of the container %.12s cannot be read, so nobody knows its volumes: remove it first (rm -f)", list[index].ID)
		}
		for _, mount := range list[index].Mounts {
			if mount.Kind == volume.Named {
				users[mount.Source] = append(users[mount.Source], list[index].ID)
			}
		}
	}
	return users, nil
}

// UsedVolumes returns the names of the volumes that containers have.
func (e *Engine) UsedVolumes() (map[string]bool, error) {
	users, err := e.usersOfVolumes()
	used := make(map[string]bool)
	for name := range users {
		used[name] = true
	}
	return used, err
}

// RemoveVolume removes a volume that no container has.
func (e *Engine) RemoveVolume(name string) error {
	users, err := e.volumeUsers(name)
	if err != nil {
		return err
	}
	return e.volumes.Remove(name, users)
}

// PruneVolumes removes the volumes that no container has: those without a name of
// their own or, with all, every one that keep, which may be nil, does not keep.
func (e *Engine) PruneVolumes(all bool, keep func(*volume.Volume) bool) (volume.Pruned, error) {
	users, err := e.usersOfVolumes()
	if err != nil {
		return volume.Pruned{}, err
	}
	return e.volumes.Prune(all, func(name string) []string { return users[name] }, keep)
}
