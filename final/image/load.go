package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/image-spec/specs-go/v1"
)

// Load reads images from a tar archive, compressed or not, that holds an OCI image
// layout or what `docker save` writes, and returns them. All of them are verified
// before the first one gets its name.
func (s *Store) Load(ctx context.Context, source io.Reader, progress Progress) ([]*Image, error) {
	release, err := s.Hold()
	if err != nil {
		return nil, err
	}
	defer release()
	content, err := decompress(io.NopCloser(source))
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	defer content.Close()
	images, err := s.loadArchive(ctx, content, progress)
	if err != nil {
		// What was complete stays, for the next attempt.
		return nil, fmt.Errorf("load images: %w", err)
	}
	// What else was in the archive goes when we let go of the store.
	if _, err := s.Sweep(); err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	return images, nil
}

func (s *Store) loadArchive(ctx context.Context, content io.Reader, progress Progress) ([]*Image, error) {
	archive, err := s.readArchive(ctx, content)
	if err != nil {
		return nil, err
	}
	var found []*record
	switch {
	case archive.has(v1.ImageIndexFile):
		found, err = archive.layout()
	case archive.has("manifest.json"):
		found, err = archive.docker()
	default:
		return nil, errors.New("the archive has neither an index.json nor a manifest.json: to make an image of a root file system use import")
	}
	if err != nil {
		return nil, err
	}
	return s.adopt(found, progress)
}

// adopt unpacks images, and thereby verifies their layers, and records them.
func (s *Store) adopt(found []*record, progress Progress) ([]*Image, error) {
	var images []*Image
	for _, record := range found {
		image, err := s.image(record)
		if err != nil {
			return nil, err
		}
		for _, blob := range image.blobs {
			if has, err := s.has(blob); err != nil || !has {
				return nil, errors.Join(err, fmt.Errorf("the layer %s is not in the archive", blob.Digest))
			}
			progress.say(blob.Digest, "Unpacking", 0, blob.Size)
		}
		if _, err := s.Unpack(image); err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	for index, record := range found {
		if isBuiltIn(images[index].Reference) {
			if own, err := builtIn(); err != nil || own.ID != images[index].ID {
				return nil, fmt.Errorf("an image called %s: %w", record.Name, errBuiltIn)
			}
			continue
		}
		if err := s.name(record); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// layout returns the images of an OCI image layout (image-spec, image-layout.md).
func (a *archived) layout() ([]*record, error) {
	content, err := a.read(v1.ImageIndexFile)
	if err != nil {
		return nil, err
	}
	index, err := parseDocument(content, "")
	if err != nil {
		return nil, err
	}
	var found []*record
	for _, manifest := range index.Manifests {
		image, err := a.resolve(manifest)
		if err != nil {
			return nil, err
		}
		found = append(found, &record{Name: nameIn(manifest.Annotations), Manifest: image})
	}
	if len(found) == 0 {
		return nil, errors.New("the archive has no image")
	}
	return found, nil
}

// resolve returns the manifest that a descriptor in the index leads to.
func (a *archived) resolve(manifest v1.Descriptor) (v1.Descriptor, error) {
	for range 4 { // more levels than any tool writes
		content, err := a.store.read(manifest.Digest)
		if err != nil {
			return manifest, fmt.Errorf("read the manifest %s: %w", manifest.Digest, err)
		}
		parsed, err := parseDocument(content, manifest.MediaType)
		if err != nil {
			return manifest, err
		}
		if !parsed.isIndex() {
			return v1.Descriptor{MediaType: parsed.mediaType(), Digest: manifest.Digest, Size: int64(len(content))}, nil
		}
		own, err := parsePlatform("")
		if err != nil {
			return manifest, err
		}
		if manifest, err = choose(parsed, own); err != nil {
			return manifest, err
		}
	}
	return manifest, errors.New("there is index in index in index")
}

// nameIn returns the name that a layout gives an image. A mere tag says nothing
// about what it is a tag of.
func nameIn(annotations map[string]string) string {
	for _, name := range []string{annotations[nameAnnotation], annotations[v1.AnnotationRefName]} {
		if !strings.ContainsAny(name, ":/") {
			continue
		}
		if reference, err := ParseReference(name); err == nil && reference.Digest == "" {
			return reference.String()
		}
	}
	return ""
}

// dockerImage is an entry of the manifest.json of `docker save`.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// docker returns the images of an archive of Docker's.
func (a *archived) docker() ([]*record, error) {
	content, err := a.read("manifest.json")
	if err != nil {
		return nil, err
	}
	var listed []dockerImage
	if err := json.Unmarshal(content, &listed); err != nil {
		return nil, fmt.Errorf("read manifest.json: %w", err)
	}
	var found []*record
	for _, image := range listed {
		manifest, err := a.dockerManifest(image)
		if err != nil {
			return nil, err
		}
		if len(image.RepoTags) == 0 {
			found = append(found, &record{Manifest: manifest})
		}
		for _, name := range image.RepoTags {
			reference, err := ParseReference(name)
			if err != nil {
				return nil, err
			}
			found = append(found, &record{Name: reference.named().String(), Manifest: manifest})
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the archive has no image")
	}
	return found, nil
}

// dockerManifest makes the manifest that the archive does not have.
func (a *archived) dockerManifest(image dockerImage) (v1.Descriptor, error) {
	config, err := a.file(image.Config)
	if err != nil {
		return v1.Descriptor{}, err
	}
	config.MediaType = v1.MediaTypeImageConfig
	layers := []v1.Descriptor{}
	for _, name := range image.Layers {
		layer, err := a.file(name)
		if err != nil {
			return v1.Descriptor{}, err
		}
		if layer.MediaType, err = a.store.mediaTypeOf(layer); err != nil {
			return v1.Descriptor{}, err
		}
		layers = append(layers, layer)
	}
	return a.store.putManifest(config, layers)
}
