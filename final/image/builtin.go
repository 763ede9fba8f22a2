package image

import (
	_ "crypto/sha256" // for go-digest
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	"github.com/opencontainers/image-spec/specs-go/v1"

	"mytinydocker/internal/base"
)

// errBuiltIn is returned where the name of the built-in image would get another
// meaning, or none.
var errBuiltIn = errors.New("it is the image that is part of tinydocker, and always there")

func isBuiltIn(reference Reference) bool {
	return reference == Reference{Repository: base.Name, Tag: "latest"}
}

func builtIn() (*Image, error) {
	content, err := base.Config()
	if err != nil {
		return nil, err
	}
	image := &Image{
		Reference: Reference{Repository: base.Name, Tag: "latest"},
		ID:        digest.FromBytes(content),
		raw:       content,
	}
	if err := json.Unmarshal(content, &image.Config); err != nil {
		return nil, fmt.Errorf("read the configuration of the built-in image: %w", err)
	}
	return image, nil
}

// listBuiltIn returns the built-in image, if this program has one.
func listBuiltIn() ([]*Image, error) {
	image, err := builtIn()
	if errors.Is(err, base.ErrNotBuilt) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []*Image{image}, nil
}

func openBuiltIn() (io.ReadCloser, error) { return base.Rootfs() }

// materialize returns image as one that is in the store as blobs, for whoever
// needs more of it than its content. The caller holds the store.
func (s *Store) materialize(image *Image) (*Image, error) {
	if !image.isBuiltIn() {
		return image, nil
	}
	// Whoever lets go of the store last removes what no image is made of then.
	if err := renameio.WriteFile(s.path("garbage"), nil, 0o600); err != nil {
		return nil, err
	}
	config, err := s.put(v1.MediaTypeImageConfig, image.raw)
	if err != nil {
		return nil, err
	}
	rootfs, err := openBuiltIn()
	if err != nil {
		return nil, err
	}
	defer rootfs.Close()
	layer, err := s.putLayer(func(out io.Writer) error {
		_, err := io.Copy(out, rootfs)
		return err
	})
	if err != nil {
		return nil, err
	}
	manifest, err := s.putManifest(config, []v1.Descriptor{layer.blob})
	if err != nil {
		return nil, err
	}
	stored, err := s.load(manifest)
	if err != nil {
		return nil, err
	}
	stored.Reference = image.Reference
	return stored, nil
}

// putManifest keeps the manifest of an image whose other blobs are there.
func (s *Store) putManifest(config v1.Descriptor, layers []v1.Descriptor) (v1.Descriptor, error) {
	if layers == nil {
		layers = []v1.Descriptor{}
	}
	content, err := json.Marshal(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Config: config, Layers: layers,
	})
	if err != nil {
		return v1.Descriptor{}, err
	}
	return s.put(v1.MediaTypeImageManifest, content)
}
