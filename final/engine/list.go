package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"mytinydocker/final/image"
)

// Status is what a container is doing, as the kernel has it.
type Status string

// What a container can be doing.
const (
	Running Status = "running"
	Exited  Status = "exited"
	Damaged Status = "damaged" // its record cannot be read
)

// Container is a container as it is now.
type Container struct {
	Record
	Status  Status
	Started time.Time // if it runs
}

// List returns all containers, the newest first.
func (e *Engine) List() ([]Container, error) {
	ids, err := e.ids()
	if err != nil {
		return nil, err
	}
	var containers []Container
	for _, id := range ids {
		container, err := e.inspect(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // just being made, or just removed
		}
		if err != nil {
			return nil, err
		}
		containers = append(containers, container)
	}
	slices.SortFunc(containers, func(a, b Container) int { return b.Created.Compare(a.Created) })
	return containers, nil
}

func (e *Engine) inspect(id string) (Container, error) {
	record, err := e.readRecord(id)
	if errors.Is(err, fs.ErrNotExist) {
		return Container{}, err
	}
	if err != nil {
		return Container{Record: Record{ID: id}, Status: Damaged}, nil
	}
	container := Container{Record: *record, Status: Exited}
	watched, err := e.isLocked(id)
	if err != nil {
		return Container{}, err
	}
	if !watched {
		return container, nil
	}
	// Its exit is recorded before its watcher lets go.
	if record.Exit == nil {
		container.Status = Running
		if process, err := e.readProcess(id); err == nil {
			container.Started = process.Started
		}
	}
	return container, nil
}

// Find returns the id of the container with a name, an id, or an id that begins
// so, if there is just one.
func (e *Engine) Find(name string) (string, error) {
	if validName(name) {
		id, err := e.nameHolder(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return id, err
		}
	}
	ids, err := e.ids()
	if err != nil {
		return "", err
	}
	var found []string
	for _, id := range ids {
		if name != "" && strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no such container: %s", name)
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("%s is the beginning of the ids of %d containers: give more of it", name, len(found))
	}
}

// ImageSummary is an image and how much room it takes.
type ImageSummary struct {
	*image.Image
	Size int64 // in bytes, unpacked
}

// Images returns all images. Their layers are unpacked to be measured.
func (e *Engine) Images() ([]ImageSummary, error) {
	images, err := e.images.List()
	if err != nil {
		return nil, err
	}
	var summaries []ImageSummary
	for _, image := range images {
		summary := ImageSummary{Image: image}
		if _, err := e.ensureLayers(image); err != nil {
			return nil, err
		}
		for _, layer := range image.Layers() {
			size, err := e.layers.Size(layer)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("measure the layer %s: %w", layer, err)
			}
			summary.Size += size
		}
		summaries = append(summaries, summary)
	}
	return summaries, nil
}
