package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Room is what the objects of a kind take of the disk.
type Room struct {
	Type          string
	Total, Active int
	Size          int64 // in bytes
	Reclaimable   int64 // of those that nobody uses
}

// Room measures what images, containers and volumes take of the disk. A layer that
// several images share counts once.
func (e *Engine) Room() ([]Room, error) {
	images, err := e.roomOfImages()
	if err != nil {
		return nil, err
	}
	containers, err := e.roomOfContainers()
	if err != nil {
		return nil, err
	}
	volumes, err := e.roomOfVolumes()
	return []Room{images, containers, volumes}, err
}

func (e *Engine) roomOfImages() (Room, error) {
	room := Room{Type: "Images"}
	images, err := e.Images()
	if err != nil {
		return room, err
	}
	shared := make(map[string]bool)
	for _, image := range images {
		room.Total++
		if image.Damage != nil {
			continue
		}
		users, err := e.imageUsers(image.ID)
		if err != nil {
			return room, err
		}
		if len(users) > 0 {
			room.Active++
		}
		for _, layer := range image.Layers() {
			size, err := e.layers.Size(layer)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // as long as no container has needed it
				return room, fmt.Errorf("measure the layer %s: %w", layer, err)
			}
			if !shared[layer.String()] {
				room.Size += size
			}
			if len(users) == 0 && !shared[layer.String()] {
				room.Reclaimable += size
			}
			shared[layer.String()] = true
		}
	}
	return room, nil
}

func (e *Engine) roomOfContainers() (Room, error) {
	room := Room{Type: "Containers"}
	list, err := e.List()
	if err != nil {
		return room, err
	}
	for index := range list {
		size, err := e.Written(list[index].ID)
		if err != nil {
			return room, fmt.Errorf("measure the container %s: %w", list[index].Name, err)
		}
		room.Total++
		room.Size += size
		if list[index].Running() {
			room.Active++
		} else {
			room.Reclaimable += size
		}
	}
	return room, nil
}

func (e *Engine) roomOfVolumes() (Room, error) {
	room := Room{Type: "Local Volumes"}
	volumes, err := e.volumes.List()
	if err != nil {
		return room, err
	}
	// Of a record that cannot be read, nobody knows which volumes are its: then all are.
	used, unknown := e.UsedVolumes()
	for _, volume := range volumes {
		size, err := sizeOf(e.volumes.Path(volume.Name))
		if err != nil {
			return room, fmt.Errorf("measure the volume %s: %w", volume.Name, err)
		}
		room.Total++
		room.Size += size
		if unknown != nil || used[volume.Name] {
			room.Active++
		} else {
			room.Reclaimable += size
		}
	}
	return room, nil
}

// sizeOf returns how many bytes are in the files below a folder. A file with two names
// counts once.
func sizeOf(folder string) (int64, error) {
	total := int64(0)
	seen := make(map[[2]uint64]bool)
	err := filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		if inode := [2]uint64{stat.Dev, stat.Ino}; info.Mode().IsRegular() && !seen[inode] {
			seen[inode] = true
			total += stat.Size
		}
		return nil
	})
	return total, err
}
