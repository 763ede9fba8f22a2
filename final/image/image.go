package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is what a container is made from.
type Image struct {
	Reference Reference     // the zero value for one that has no name
	ID        digest.Digest // of the configuration, and so of everything
	Config    v1.Image
	// Source is the digest that a registry has for the name, and "" if it is not
	// from one.
	Source digest.Digest
	// Damage is why an image in a list cannot be used, and nil for all others.
	Damage error

	manifest v1.Descriptor
	blobs    []v1.Descriptor // of the layers, from the lowest up
	raw      []byte          // the configuration as it is
}

// Layers are the digests of the image's layers, uncompressed, from the lowest
// up.
func (i *Image) Layers() []digest.Digest { return i.Config.RootFS.DiffIDs }

// Compressed is the size of the image's layers as they travel, in bytes.
func (i *Image) Compressed() int64 {
	var size int64
	for _, blob := range i.blobs {
		size += blob.Size
	}
	return size
}

// isBuiltIn reports whether the image is part of this program.
func (i *Image) isBuiltIn() bool { return i.manifest.Digest == "" }

// load reads the image that a manifest describes.
func (s *Store) load(manifest v1.Descriptor) (*Image, error) {
	content, err := s.read(manifest.Digest)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	parsed, err := parseDocument(content, manifest.MediaType)
	if err != nil {
		return nil, err
	}
	if parsed.isIndex() {
		return nil, errors.New("its manifest is an index")
	}
	raw, err := s.read(parsed.Config.Digest)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config, err := parseConfig(raw, len(parsed.Layers))
	if err != nil {
		return nil, err
	}
	return &Image{ID: parsed.Config.Digest, Config: *config, manifest: manifest, blobs: parsed.Layers, raw: raw}, nil
}

// image returns the image of a record.
func (s *Store) image(record *record) (*Image, error) {
	if record.damage != nil {
		return nil, record.damage
	}
	image, err := s.load(record.Manifest)
	if err != nil {
		return nil, fmt.Errorf("open the image %s: %w: %w", record.Name, ErrDamaged, err)
	}
	image.Source = record.Source
	if record.Name != "" {
		if image.Reference, err = ParseReference(record.Name); err != nil {
			return nil, err
		}
	}
	return image, nil
}

// Find returns the image that has a name, a digest, an id, or an id that begins
// so, if there is just one. The error is ErrNotFound if there is none.
func (s *Store) Find(name string) (*Image, error) {
	reference, err := ParseReference(name)
	if err == nil {
		image, err := s.findNamed(reference)
		if err == nil || !errors.Is(err, ErrNotFound) {
			return image, err
		}
	}
	prefix := strings.TrimPrefix(name, "sha256:")
	if !isHexadecimal(prefix) || len(prefix) > 64 {
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %s", ErrNotFound, reference)
	}
	return s.findID(prefix)
}

func (s *Store) findNamed(reference Reference) (*Image, error) {
	if isBuiltIn(reference) {
		return builtIn()
	}
	record, err := s.readRecord((&record{Name: reference.named().String()}).key())
	if err == nil {
		return s.image(record)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the image %s: %w: %w", reference, ErrDamaged, err)
	}
	if reference.Digest == "" {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, reference)
	}
	return s.findDigest(reference)
}

// findDigest finds an image by what its registry calls it, under any tag.
func (s *Store) findDigest(reference Reference) (*Image, error) {
	records, err := s.records()
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		has, err := ParseReference(record.Name)
		if err != nil || has.Repository != reference.Repository {
			continue
		}
		if record.Source == reference.Digest || record.Manifest.Digest == reference.Digest {
			return s.image(record)
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, reference)
}

func (s *Store) findID(prefix string) (*Image, error) {
	images, err := s.List()
	if err != nil {
		return nil, err
	}
	var found *Image
	for _, image := range images {
		if !strings.HasPrefix(image.ID.Encoded(), prefix) {
			continue
		}
		if found != nil && found.ID != image.ID {
			return nil, fmt.Errorf("%s is the beginning of the ids of several images: give more of it", prefix)
		}
		if found == nil {
			found = image
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, prefix)
	}
	return found, found.Damage
}

// List returns all images, by name. One with several names is there several times, and
// one that is damaged with what is known of it.
func (s *Store) List() ([]*Image, error) {
	records, err := s.records()
	if err != nil {
		return nil, err
	}
	images, err := listBuiltIn()
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		image, err := s.image(record)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := s.readRecord(record.key()); errors.Is(err, fs.ErrNotExist) {
				continue // just removed
			}
		}
		if err != nil {
			image = damagedImage(record, err)
		}
		images = append(images, image)
	}
	return images, nil
}

// OpenLayer opens a layer of image as an uncompressed tar archive. The caller
// closes it.
func (s *Store) OpenLayer(image *Image, diffID digest.Digest) (io.ReadCloser, error) {
	if image.isBuiltIn() {
		return openBuiltIn()
	}
	for index, layer := range image.Layers() {
		if layer == diffID {
			return s.openLayer(image.blobs[index])
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", diffID)
}

func (s *Store) openLayer(blob v1.Descriptor) (io.ReadCloser, error) {
	file, err := s.open(blob.Digest)
	if err != nil {
		return nil, fmt.Errorf("open a layer: %w", err)
	}
	content, err := decompress(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open the layer %s: %w", blob.Digest, err)
	}
	return content, nil
}

// Unpack unpacks those layers of an image that are not unpacked yet, and returns
// their folders from the lowest up. The caller holds the store.
func (s *Store) Unpack(image *Image) ([]string, error) {
	var folders []string
	for _, layer := range image.Layers() {
		folder, err := s.layers.Ensure(layer, func() (io.ReadCloser, error) { return s.OpenLayer(image, layer) })
		if err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	return folders, nil
}
