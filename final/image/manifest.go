package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"

	"github.com/opencontainers/image-spec/specs-go/v1"
)

// The media types of Docker, of which OCI's are the younger twins.
const (
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

// maxLayers is how many layers overlay takes (Linux, fs/overlayfs/params.h).
const maxLayers = 500

// document is a manifest or an index, before it is known which.
type document struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	Config        *v1.Descriptor  `json:"config"`
	Layers        []v1.Descriptor `json:"layers"`
	Manifests     []v1.Descriptor `json:"manifests"`
}

// parseDocument parses a manifest or an index. mediaType is what its sender says
// it is, or "". What can be taken for both is refused: two readers would see two
// images in it (CVE-2021-41190).
func parseDocument(content []byte, mediaType string) (*document, error) {
	var parsed document
	if err := json.Unmarshal(content, &parsed); err != nil {
		return nil, fmt.Errorf("it is no manifest: %w", err)
	}
	if parsed.SchemaVersion != 2 {
		return nil, fmt.Errorf("its manifest has the version %d, and only 2 is supported: ask for a newer image", parsed.SchemaVersion)
	}
	if parsed.Manifests != nil && (parsed.Layers != nil || parsed.Config != nil) {
		return nil, errors.New("its manifest is an index at the same time")
	}
	said, _, err := mime.ParseMediaType(mediaType)
	if err == nil && known(said) && parsed.MediaType != "" && parsed.MediaType != said {
		return nil, fmt.Errorf("its manifest is sent as %s and says that it is %s", said, parsed.MediaType)
	}
	if parsed.MediaType == "" && known(said) {
		parsed.MediaType = said
	}
	if parsed.isIndex() != (parsed.Manifests != nil) && parsed.MediaType != "" {
		return nil, fmt.Errorf("its manifest says that it is %s, and is not", parsed.MediaType)
	}
	return &parsed, parsed.check()
}

func known(mediaType string) bool {
	switch mediaType {
	case v1.MediaTypeImageIndex, v1.MediaTypeImageManifest, dockerIndex, dockerManifest:
		return true
	}
	return false
}

func (d *document) isIndex() bool {
	switch d.MediaType {
	case v1.MediaTypeImageIndex, dockerIndex:
		return true
	case "":
		return d.Manifests != nil
	}
	return false
}

// check makes every digest in the document one that can be the name of a file.
func (d *document) check() error {
	blobs := append(append([]v1.Descriptor{}, d.Layers...), d.Manifests...)
	if !d.isIndex() {
		if d.Config == nil {
			return errors.New("its manifest has no configuration: it is no image")
		}
		blobs = append(blobs, *d.Config)
	}
	if len(d.Layers) > maxLayers {
		return fmt.Errorf("it has %d layers, and %d is all that can be mounted", len(d.Layers), maxLayers)
	}
	for _, blob := range blobs {
		if err := blob.Digest.Validate(); err != nil {
			return fmt.Errorf("its manifest has the digest %q: %w", blob.Digest, err)
		}
		if blob.Size < 0 {
			return fmt.Errorf("%s has %d bytes", blob.Digest, blob.Size)
		}
	}
	return nil
}

// mediaType is what the document is to be called, whatever it says.
func (d *document) mediaType() string {
	switch {
	case d.MediaType != "":
		return d.MediaType
	case d.isIndex():
		return v1.MediaTypeImageIndex
	default:
		return v1.MediaTypeImageManifest
	}
}

// parseConfig parses the configuration of an image with so many layers.
func parseConfig(content []byte, layers int) (*v1.Image, error) {
	var config v1.Image
	if err := json.Unmarshal(content, &config); err != nil {
		return nil, fmt.Errorf("it is no configuration of an image: %w", err)
	}
	if config.RootFS.Type != "layers" || len(config.RootFS.DiffIDs) != layers {
		return nil, fmt.Errorf("its configuration has %d layers and its manifest %d", len(config.RootFS.DiffIDs), layers)
	}
	for _, layer := range config.RootFS.DiffIDs {
		if err := layer.Validate(); err != nil {
			return nil, fmt.Errorf("its configuration has the digest %q: %w", layer, err)
		}
	}
	return &config, nil
}
