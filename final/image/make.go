package image

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/opencontainers/image-spec/specs-go/v1"
)

// MakeOptions says what a new image is called and what else is said of it.
type MakeOptions struct {
	Name    string // "" for none
	Changes []string
	Author  string
	Comment string
	// CreatedBy is the command that made the layer, for its history.
	CreatedBy string
	Created   time.Time // the zero time for now
}

// Commit makes an image of parent and a layer on top of it, the tar archive that
// diff writes. config is what a container of it starts with, before the changes.
func (s *Store) Commit(parent *Image, config v1.ImageConfig, diff func(io.Writer) error, options MakeOptions) (*Image, error) {
	return s.make(parent, config, diff, options)
}

// Import makes an image of one layer: a root file system as a tar archive,
// compressed or not.
func (s *Store) Import(source io.Reader, options MakeOptions) (*Image, error) {
	content, err := decompress(io.NopCloser(source))
	if err != nil {
		return nil, fmt.Errorf("import an image: %w", err)
	}
	defer content.Close()
	return s.make(nil, v1.ImageConfig{}, func(out io.Writer) error {
		end := &tail{}
		if _, err := io.Copy(io.MultiWriter(out, end), content); err != nil {
			return err
		}
		return end.check()
	}, options)
}

func (s *Store) make(parent *Image, config v1.ImageConfig, diff func(io.Writer) error, options MakeOptions) (*Image, error) {
	reference, err := nameFor(options.Name)
	if err != nil {
		return nil, err
	}
	if config, err = Change(config, options.Changes); err != nil {
		return nil, err
	}
	release, err := s.Hold()
	if err != nil {
		return nil, err
	}
	defer release()
	made, err := s.makeImage(parent, config, diff, options)
	if err == nil {
		made.Name = reference
		err = s.name(made)
	}
	if err != nil {
		return nil, fmt.Errorf("make an image: %w", err)
	}
	return s.image(made)
}

// nameFor returns the name that a new image gets.
func nameFor(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	reference, err := ParseReference(name)
	if err != nil {
		return "", err
	}
	if reference.Digest != "" {
		return "", fmt.Errorf("name an image %s: a digest is not for us to choose", name)
	}
	if isBuiltIn(reference) {
		return "", fmt.Errorf("name an image %s: %w", reference, errBuiltIn)
	}
	return reference.String(), nil
}

func (s *Store) makeImage(parent *Image, config v1.ImageConfig, diff func(io.Writer) error, options MakeOptions) (*record, error) {
	below := &Image{Config: v1.Image{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH}, RootFS: v1.RootFS{Type: "layers"},
	}, raw: []byte("{}")}
	if parent != nil {
		var err error
		if below, err = s.materialize(parent); err != nil {
			return nil, err
		}
	}
	if len(below.blobs) >= maxLayers {
		return nil, fmt.Errorf("the image has %d layers already: export and import it to make them one", maxLayers)
	}
	added, err := s.putLayer(diff)
	if err != nil {
		return nil, err
	}
	raw, err := s.configOf(below, config, added, options)
	if err != nil {
		return nil, err
	}
	blob, err := s.put(v1.MediaTypeImageConfig, raw)
	if err != nil {
		return nil, err
	}
	manifest, err := s.putManifest(blob, append(ociLayers(below.blobs), added.blob))
	if err != nil {
		return nil, err
	}
	made, err := s.load(manifest)
	if err != nil {
		return nil, err
	}
	if parent == nil {
		// What somebody else has archived is looked at now, and not when it is first run.
		if _, err := s.Unpack(made); err != nil {
			return nil, err
		}
	}
	return &record{Manifest: manifest}, nil
}

// ociLayers are layers under the names that OCI has for what they are.
func ociLayers(blobs []v1.Descriptor) []v1.Descriptor {
	layers := make([]v1.Descriptor, 0, len(blobs)+1)
	for _, blob := range blobs {
		if suffix, ok := strings.CutPrefix(blob.MediaType, dockerLayer); ok {
			blob.MediaType = v1.MediaTypeImageLayer + strings.Replace(suffix, ".", "+", 1)
		}
		layers = append(layers, v1.Descriptor{MediaType: blob.MediaType, Digest: blob.Digest, Size: blob.Size})
	}
	return layers
}
