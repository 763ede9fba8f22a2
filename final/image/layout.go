package image

import (
	"github.com/opencontainers/image-spec/specs-go"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// nameAnnotation is where containerd and Docker write the whole name of an image;
// the standard's own annotation may hold no more than the tag.
const nameAnnotation = "io.containerd.image.name"

// indexOf returns the index of a layout with images.
func indexOf(records []*record) v1.Index {
	index := v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{},
	}
	for _, record := range records {
		if record.damage != nil {
			continue
		}
		manifest := record.Manifest
		if record.Name != "" {
			manifest.Annotations = map[string]string{v1.AnnotationRefName: record.Name, nameAnnotation: canonical(record.Name)}
		}
		index.Manifests = append(index.Manifests, manifest)
	}
	return index
}

// canonical is a name with the registry and the folder that are meant.
func canonical(name string) string {
	reference, err := ParseReference(name)
	if err != nil {
		return name
	}
	full, err := reference.remote()
	if err != nil {
		return name
	}
	return dockerName(full)
}
