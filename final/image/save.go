package image

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// Save writes images, with the names given, as a tar archive. It is an OCI image
// layout, and unless ociOnly it has what `docker load` wants, too. The same images
// make the same archive.
func (s *Store) Save(names []string, out io.Writer, ociOnly bool) error {
	release, err := s.Hold()
	if err != nil {
		return err
	}
	defer release()
	saving := &saving{store: s, writer: tar.NewWriter(out), saved: make(map[digest.Digest]bool)}
	for _, name := range names {
		if err := saving.add(name); err != nil {
			return fmt.Errorf("save %s: %w", name, err)
		}
	}
	if err := saving.end(ociOnly); err != nil {
		return fmt.Errorf("save images: %w", err)
	}
	return nil
}

type saving struct {
	store  *Store
	writer *tar.Writer
	saved  map[digest.Digest]bool
	names  []*record
	docker []*dockerImage
}

func (s *saving) add(name string) error {
	image, err := s.store.Find(name)
	if err != nil {
		return err
	}
	if image, err = s.store.materialize(image); err != nil {
		return err
	}
	record := &record{Manifest: image.manifest}
	entry := &dockerImage{Config: blobName(image.ID), RepoTags: []string{}}
	// Whoever asks for an image by its id gets it without a name.
	if reference, err := ParseReference(name); err == nil && reference.Tag != "" && reference == image.Reference {
		record.Name = reference.String()
		entry.RepoTags = append(entry.RepoTags, record.Name)
	}
	for _, blob := range image.blobs {
		entry.Layers = append(entry.Layers, blobName(blob.Digest))
	}
	s.names = append(s.names, record)
	index := slices.IndexFunc(s.docker, func(other *dockerImage) bool { return other.Config == entry.Config })
	if index < 0 {
		s.docker = append(s.docker, entry)
	} else {
		s.docker[index].RepoTags = append(s.docker[index].RepoTags, entry.RepoTags...)
	}
	for _, id := range append([]digest.Digest{image.manifest.Digest, image.ID}, digestsOf(image.blobs)...) {
		if err := s.blob(id); err != nil {
			return err
		}
	}
	return nil
}

func digestsOf(blobs []v1.Descriptor) []digest.Digest {
	digests := make([]digest.Digest, 0, len(blobs))
	for _, blob := range blobs {
		digests = append(digests, blob.Digest)
	}
	return digests
}

func blobName(id digest.Digest) string {
	return strings.Join([]string{v1.ImageBlobsDir, id.Algorithm().String(), id.Encoded()}, "/")
}

// blob writes a blob, once. What has changed on disk is not spread.
func (s *saving) blob(id digest.Digest) error {
	if s.saved[id] {
		return nil
	}
	s.saved[id] = true
	file, err := s.store.open(id)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := s.header(blobName(id), info.Size()); err != nil {
		return err
	}
	verifier := id.Verifier()
	if _, err := io.Copy(io.MultiWriter(s.writer, verifier), struct{ io.Reader }{file}); err != nil {
		return err
	}
	if !verifier.Verified() {
		return WrongContentError{id, "has changed on disk"}
	}
	return nil
}

func (s *saving) header(name string, size int64) error {
	return s.writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)})
}

func (s *saving) end(ociOnly bool) error {
	files := []struct {
		name  string
		value any
	}{
		{v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion}},
		{v1.ImageIndexFile, indexOf(s.names)},
		{"manifest.json", s.docker},
	}
	if ociOnly {
		files = files[:2]
	}
	for _, file := range files {
		content, err := json.Marshal(file.value)
		if err != nil {
			return err
		}
		if err := s.header(file.name, int64(len(content))); err != nil {
			return err
		}
		if _, err := s.writer.Write(content); err != nil {
			return err
		}
	}
	return s.writer.Close()
}
