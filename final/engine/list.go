package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mytinydocker/final/image"
)

// Find returns the id of the container with a name, an id, or an id that begins
// so, if there is just one.
func (e *Engine) Find(name string) (string, error) {
	if validName(name) {
		id, err := e.namedContainer(name)
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
	Size int64 // in bytes, unpacked; negative if that cannot be measured
}

// Images returns all images. What is wrong with one, or with the disk that it would have
// to be unpacked on to be measured, is no reason not to list it.
func (e *Engine) Images() ([]ImageSummary, error) {
	images, err := e.images.List()
	if err != nil {
		return nil, err
	}
	var summaries []ImageSummary
	for _, image := range images {
		size, err := int64(-1), error(nil)
		if image.Damage == nil {
			size, err = e.images.Size(image)
		}
		if err != nil {
			size = -1
		}
		summaries = append(summaries, ImageSummary{Image: image, Size: size})
	}
	return summaries, nil
}
