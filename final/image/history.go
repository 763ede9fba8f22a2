package image

import (
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// Step is how a part of an image was made.
type Step struct {
	Created   time.Time // the zero time if nobody knows
	CreatedBy string
	Comment   string
	Layer     digest.Digest // "" if it made no layer
	Size      int64         // of the layer, in bytes, unpacked
}

// History returns how an image was made, the last step first.
func (s *Store) History(image *Image) ([]Step, error) {
	layers := image.Layers()
	var steps []Step
	for _, entry := range image.Config.History {
		step := Step{CreatedBy: entry.CreatedBy, Comment: entry.Comment}
		if entry.Created != nil {
			step.Created = *entry.Created
		}
		if !entry.EmptyLayer && len(layers) > 0 {
			step.Layer, layers = layers[0], layers[1:]
		}
		steps = append(steps, step)
	}
	for _, layer := range layers { // of which the history says nothing
		steps = append(steps, Step{Layer: layer})
	}
	sizes, err := s.sizes(image)
	if err != nil {
		return nil, err
	}
	for index := range steps {
		steps[index].Size = sizes[steps[index].Layer]
	}
	slices.Reverse(steps)
	return steps, nil
}

// Size returns how many bytes the files of an image have.
func (s *Store) Size(image *Image) (int64, error) {
	sizes, err := s.sizes(image)
	if err != nil {
		return 0, err
	}
	var size int64
	for _, layer := range image.Layers() {
		size += sizes[layer]
	}
	return size, nil
}

// sizes returns the sizes of the layers of an image. One that has never been
// unpacked is, to be measured.
func (s *Store) sizes(image *Image) (map[digest.Digest]int64, error) {
	release, err := s.Hold()
	if err != nil {
		return nil, err
	}
	defer release()
	if _, err := s.Unpack(image); err != nil {
		return nil, err
	}
	sizes := make(map[digest.Digest]int64)
	for _, layer := range image.Layers() {
		if sizes[layer], err = s.layers.Size(layer); err != nil {
			return nil, fmt.Errorf("measure the layer %s: %w", layer, err)
		}
	}
	return sizes, nil
}

// Details is an image as docker-image-inspect(1) shows it.
type Details struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Comment      string
	Created      string `json:",omitempty"` // RFC 3339, if it is known
	Author       string
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	Size         int64
	Config       v1.ImageConfig
	RootFS       struct {
		Type   string
		Layers []digest.Digest
	}
}

// Inspect returns all that is to be said of the image that has a name.
func (s *Store) Inspect(name string) (*Details, error) {
	image, err := s.Find(name)
	if err != nil {
		return nil, err
	}
	details := &Details{
		ID: image.ID.String(), RepoTags: []string{}, RepoDigests: []string{}, Author: image.Config.Author,
		Architecture: image.Config.Architecture, Variant: image.Config.Variant, Os: image.Config.OS, Config: image.Config.Config,
	}
	if created := image.Config.Created; created != nil {
		details.Created = created.Format(time.RFC3339Nano)
	}
	details.RootFS.Type, details.RootFS.Layers = image.Config.RootFS.Type, image.Layers()
	if history := image.Config.History; len(history) > 0 {
		details.Comment = history[len(history)-1].Comment
	}
	if details.Size, err = s.Size(image); err != nil {
		return nil, err
	}
	images, err := s.List()
	if err != nil {
		return nil, err
	}
	for _, other := range images {
		if other.ID != image.ID {
			continue
		}
		if other.Reference.Tag != "" {
			details.RepoTags = append(details.RepoTags, other.Reference.String())
		}
		if other.Source != "" && other.Reference.Repository != "" {
			details.RepoDigests = append(details.RepoDigests, other.Reference.Repository+"@"+other.Source.String())
		}
	}
	return details, nil
}
